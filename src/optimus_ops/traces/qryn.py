"""Client of qryn, which has Tempo's first API, and differs in its search.

Its TraceQL fails where two spans of a trace match, so that tags are searched. Of a trace it gives 2,000 spans at most.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimus_ops.traces.model import Trace
from optimus_ops.traces.otlp_json import parse_json
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.tempo import found_ids, ready, trace_v1

MOST_SPANS = 2000
SPANS_OF_A_TRACE = 25
"""A search counts spans that match and not traces: so many times more are asked for."""
SERVICE = "service.name"


@dataclass(frozen=True)
class QrynStore:
    """qryn: no API v2, no kinds of spans, and of a resource's attributes only the service's name."""

    client: StoreClient
    name: str = "qryn"

    def ready(self) -> bool:
        """Tell whether it takes queries."""
        return ready(self.client)

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace; None where there is none."""
        trace = trace_v1(self.client, trace_id)
        whole = trace is None or len(trace.spans) + trace.duplicates + trace.foreign < MOST_SPANS
        return trace if trace is None or whole else replace(trace, cut=True)

    def search(self, attributes: Mapping[str, str], since: float, until: float, most: int = 20) -> tuple[str, ...]:
        """Return ids of traces, newest first; of every service's, where no attribute is given."""
        if attributes:
            return self._search(attributes, since, until, most)
        found = [found for name in self._services() for found in self._search({SERVICE: name}, since, until, most)]
        return tuple(dict.fromkeys(found))[:most]

    def _search(self, attributes: Mapping[str, str], since: float, until: float, most: int) -> tuple[str, ...]:
        tags = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in attributes.items())
        query = {
            "tags": tags,
            "limit": str(most * SPANS_OF_A_TRACE),
            "start": str(int(since)),
            "end": str(int(until) + 1),
        }
        return found_ids(self.client, self.client.get("/api/search", query), most)

    def _services(self) -> tuple[str, ...]:
        answer = self.client.get(f"/api/search/tag/{SERVICE}/values")
        try:
            names: Any = parse_json(answer.content)["tagValues"]
            return tuple(str(name) for name in names)
        except (ValueError, KeyError, TypeError):
            raise StoreFailed(f"{self.client.address} answers something that is not a list of services") from None
