"""Client of Grafana Tempo (https://grafana.com/docs/tempo/latest/api_docs/): both ways to ask for a trace by its id."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optimus_ops.http.client import Answer
from optimus_ops.traces.ids import ID
from optimus_ops.traces.model import Span, Trace, make_trace
from optimus_ops.traces.otlp import parse_protobuf
from optimus_ops.traces.otlp_json import parse_json, spans_of_document
from optimus_ops.traces.store import PartialTrace, StoreFailed
from optimus_ops.traces.store_http import StoreClient

PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
INTRINSIC = frozenset({"name"})
PARTIAL = frozenset({"PARTIAL", 1})


@dataclass(frozen=True)
class TempoStore:
    """Tempo; `version` is the way that it knows, v2 since 2.7."""

    client: StoreClient
    version: Literal["v1", "v2"] = "v2"
    name: str = "Tempo"

    def ready(self) -> bool:
        """Tell whether it takes queries."""
        return ready(self.client)

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace; None where there is none: that is 404 in v1, and an empty trace in v2."""
        if self.version == "v1":
            return trace_v1(self.client, trace_id)
        answer = self.client.get(f"/api/v2/traces/{trace_id}", accept="application/json")
        if answer.status == 404:
            return None
        document = _object(self.client, answer, "a trace")
        trace = checked(self.client, trace_id, _spans_of(self.client, document.get("trace") or {}))
        if document.get("status") in PARTIAL:
            held = f"{len(trace.spans)} spans" if trace else "nothing"
            reason = f": {document['message']}" if isinstance(document.get("message"), str) else ""
            raise PartialTrace(
                f"{self.name} answers with a part of the trace only ({held}){reason}",
                "raise max_bytes_per_trace of its limits, or ask for a shorter one",
            )
        return trace

    def search(self, attributes: Mapping[str, str], since: float, until: float, most: int = 20) -> tuple[str, ...]:
        """Return ids of traces, newest first. What was stored in the last half minute is not found yet."""
        query = {"q": trace_query(attributes), "limit": str(most), "start": str(int(since)), "end": str(int(until) + 1)}
        answer = self.client.get("/api/search", query, accept="application/json")
        return found_ids(self.client, answer, most)


def ready(client: StoreClient) -> bool:
    """Tell whether `/ready` says so."""
    try:
        return client.get("/ready").status == 200
    except StoreFailed:
        return False


def trace_v1(client: StoreClient, trace_id: str) -> Trace | None:
    """Ask for a trace by the first API: protobuf, or JSON where the store writes nothing else."""
    answer = client.get(f"/api/traces/{trace_id}", accept="application/protobuf")
    if answer.status == 404 and not answer.is_page:
        return None
    if answer.status != 200 or answer.is_page:
        raise client.unexpected(answer, "a trace")
    if answer.media_type.endswith("json"):
        return checked(client, trace_id, _spans_of(client, _object(client, answer, "a trace")))
    try:
        return checked(client, trace_id, parse_protobuf(answer.content))
    except ValueError:
        raise client.garbage("a trace (protobuf of OTLP)") from None


def checked(client: StoreClient, trace_id: str, spans: list[Span]) -> Trace | None:
    """Return the trace of spans; None of none at all, an error where all are of other traces."""
    if not spans:
        return None
    trace = make_trace(trace_id, spans)
    if not trace.spans:
        raise StoreFailed(f"{client.address} answers with {trace.foreign} spans of other traces")
    return trace


def trace_query(attributes: Mapping[str, str]) -> str:
    """Return TraceQL for spans that have all attributes, of their own or of their resource."""
    terms = (f"{_key(key)}={json.dumps(value, ensure_ascii=False)}" for key, value in attributes.items())
    return f"{{{' && '.join(terms)}}}"


def found_ids(client: StoreClient, answer: Answer, most: int) -> tuple[str, ...]:
    """Return the ids in the answer to a search, each once, newest first; stores leave out zeros at their beginning."""
    document = _object(client, answer, "a search")
    traces = document.get("traces") or []
    if not isinstance(traces, list) or not all(isinstance(trace, dict) for trace in traces):
        raise client.garbage("the result of a search")
    newest = sorted(traces, key=lambda trace: _number(trace.get("startTimeUnixNano")), reverse=True)
    ids = (str(trace.get("traceID", "")).lower().zfill(32) for trace in newest)
    return tuple(dict.fromkeys(found for found in ids if ID.fullmatch(found) and found.strip("0")))[:most]


def _key(key: str) -> str:
    if key in INTRINSIC:
        return key
    return f".{key}" if PLAIN_KEY.fullmatch(key) else f".{json.dumps(key, ensure_ascii=False)}"


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _spans_of(client: StoreClient, document: object) -> list[Span]:
    try:
        return spans_of_document(document)
    except ValueError:
        raise client.garbage("a trace (JSON of OTLP)") from None


def _object(client: StoreClient, answer: Answer, what: str) -> dict[str, Any]:
    if answer.status != 200 or answer.is_page:
        raise client.unexpected(answer, what)
    try:
        document = parse_json(answer.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise client.garbage(what)
    return document
