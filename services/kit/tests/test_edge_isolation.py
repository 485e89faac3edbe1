"""What belongs to one request is never seen in another, on one connection or at the same time."""

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import get_current_span
from tests.e2e.collector import CollectedSpan, collecting
from tests.support.serving import Served, serving
from tests.support.span_recorder import recording_spans

from optimus_kit.app import create_app, note_tenant
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry import start_telemetry
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id
from optimus_kit.tracing import span, trace_ids

SETTINGS = ServiceSettings(service="demo", port=0, secrets=SecretFolder(Path("/nonexistent")))
NO_TRACE = "0" * 32


def where() -> dict[str, Any]:
    """In which trace this is, to log lines and to published instrumentations."""
    libraries = f"{get_current_span().get_span_context().trace_id:032x}"
    return {"logs": trace_ids()[0], "libraries": libraries, "record": is_instrumentation_enabled()}


def build() -> FastAPI:
    app = create_app(SETTINGS, checks={})

    @app.get("/steps/{tenant}")
    async def steps(request: Request, tenant: str, pauses: int) -> list[dict[str, Any]]:
        note_tenant(request, tenant)
        seen = [where()]
        for _ in range(pauses):
            await asyncio.sleep(0)
            with span("step", attributes={"tenant": tenant}):
                await asyncio.sleep(0)
                seen.append(where())
        return seen

    return app


@dataclass(frozen=True)
class Asked:
    """A request: its traceparent is a client's, sampled or not, the balancer's, or missing."""

    kind: str
    tenant: str
    pauses: int

    def headers(self) -> dict[str, str]:
        if self.kind == "missing":
            return {}
        context = TraceContext(new_trace_id(), new_span_id(), sampled=self.kind != "unsampled")
        origin = {"X-Trace-Origin": "balancer"} if self.kind == "balancer" else {}
        return {"traceparent": context.traceparent} | origin

    @property
    def address(self) -> str:
        return f"/steps/{self.tenant}?pauses={self.pauses}"


KINDS = ("sampled", "unsampled", "balancer", "missing")
ASKED = st.builds(Asked, st.sampled_from(KINDS), st.sampled_from(["acme", "globex"]), st.integers(0, 4))


async def ask(client: httpx.AsyncClient, asked: Asked) -> tuple[str, list[dict[str, Any]]]:
    """The trace that the answer says, and what was seen within."""
    headers = asked.headers()
    answer = await client.get(asked.address, headers=headers)
    (trace_id,) = answer.headers.get_list("X-Trace-Id")
    assert headers.get("traceparent", trace_id).find(trace_id) >= 0
    return trace_id, answer.json()


@given(st.lists(ASKED, min_size=2, max_size=12), st.booleans())
async def test_requests_at_the_same_time_see_their_own_trace(requests: list[Asked], recorded: bool) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build()), base_url="http://demo") as client:
        if recorded:
            with recording_spans() as spans:
                answers = await asyncio.gather(*(ask(client, asked) for asked in requests))
            traces = {trace_id: asked.tenant for (trace_id, _), asked in zip(answers, requests, strict=True)}
            tenants = [each.attributes.get("optimus.tenant", each.attributes.get("tenant")) for each in spans]
            assert [traces[each.context.trace_id] for each in spans] == tenants
        else:
            answers = await asyncio.gather(*(ask(client, asked) for asked in requests))
        # In this task itself.
        await ask(client, requests[0])
    assert len({trace_id for trace_id, _ in answers}) == len(requests)
    assert all({step["logs"] for step in seen} == {trace_id} for trace_id, seen in answers)
    assert trace_ids() == (None, None)


def conversation(served: Served, requests: list[Asked]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Send all requests at once over one connection; each answer's trace, and what was seen within."""
    parts = [
        "\r\n".join([f"GET {asked.address} HTTP/1.1", "Host: x", *map(": ".join, asked.headers().items()), "", ""])
        for asked in requests
    ]
    end = "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    _, *answers = served.ask("".join(parts) + end).decode().split("HTTP/1.1 200 OK\r\n")
    heads, bodies = zip(*(answer.split("\r\n\r\n", 1) for answer in answers), strict=True)
    traces = [dict(line.split(": ", 1) for line in head.lower().split("\r\n"))["x-trace-id"] for head in heads]
    return [(trace, json.loads(body.partition("HTTP/1.1")[0])) for trace, body in zip(traces, bodies, strict=True)]


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(build()) as served:
        yield served


def test_libraries_see_the_trace_of_the_request_that_is_served(served: Served) -> None:
    chosen = random.Random(13)
    requests = [Asked(chosen.choice(KINDS), chosen.choice(["acme", "globex"]), 2) for _ in range(60)]
    with collecting() as collector:
        telemetry = start_telemetry(SETTINGS, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        assert telemetry is not None
        assert telemetry.provider is not None
        try:
            answers = conversation(served, requests)
        finally:
            telemetry.shutdown(30)
    assert len(answers) == len(requests)
    for (trace_id, seen), asked in zip(answers, requests, strict=True):
        kept = asked.kind != "unsampled"
        assert seen == [{"logs": trace_id, "libraries": trace_id if kept else NO_TRACE, "record": kept}] * 3
        check_recorded(collector.trace(trace_id), asked if kept else None)


def check_recorded(spans: list[CollectedSpan], asked: Asked | None) -> None:
    """One span of the request and one for each of its steps, all of its tenant; none of one that is not sampled."""
    roots = [span for span in spans if span.kind == "server"]
    steps = [span for span in spans if span.kind == "internal"]
    assert len(spans) == (1 + asked.pauses if asked else 0)
    assert {span.attributes["optimus.tenant"] for span in roots} == ({asked.tenant} if asked else set())
    assert {(span.attributes["tenant"], span.parent_id) for span in steps} == {
        (span.attributes["optimus.tenant"], span.span_id) for span in roots
    }
