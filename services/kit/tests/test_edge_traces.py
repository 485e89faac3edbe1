"""Each answer says its trace, and each span belongs to one request only."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import httpx
import pytest
from tests.support.serving import Served, serving
from tests.support.small_service import BEARER, LIMIT, ROOM, small_service
from tests.support.span_recorder import KeptSpan, recording_spans
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id

ANSWERS = [
    ("GET", "/whose", BEARER, 200),
    ("HEAD", "/whose", BEARER, 200),
    ("OPTIONS", "/whose", {}, 204),
    ("GET", "/whose", {}, 401),
    ("GET", "/none", {}, 404),
    ("PUT", "/whose", {}, 405),
    ("POST", "/size", {}, 413),
    ("GET", "/broken", {}, 500),
]
SOCKETS = [("/accepted", 101), ("/refused", 403), ("/none", 403), ("/fails", 500)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(small_service(tmp_path_factory.mktemp("edge"))) as served:
        yield served


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{served.port}"
    async with httpx.AsyncClient(base_url=url, verify=False) as client:  # noqa: S501 - plain HTTP on the loopback
        yield client


@pytest.fixture(params=["on", "off"])
def tracing(request: pytest.FixtureRequest) -> Iterator[None]:
    with ExitStack() as block:
        if request.param == "on":
            block.enter_context(recording_spans())
        yield


@pytest.fixture
def spans() -> Iterator[list[KeptSpan]]:
    with recording_spans() as spans:
        yield spans


def client_context(*, sampled: bool = True) -> TraceContext:
    return TraceContext(new_trace_id(), new_span_id(), sampled)


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize(("method", "path", "headers", "status"), ANSWERS)
async def test_every_answer_says_its_trace_once(
    http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    body = b"x" * (LIMIT + 1) if method == "POST" else b""
    context = client_context()
    given = await http.request(
        method, path, content=body, headers=headers | {"traceparent": context.traceparent, "X-Trace-Id": "f" * 32}
    )
    made = await http.request(method, path, content=body, headers=headers)
    assert (given.status_code, made.status_code) == (status, status)
    assert given.headers.get_list("X-Trace-Id") == [context.trace_id]
    (trace_id,) = made.headers.get_list("X-Trace-Id")
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", trace_id)


@pytest.mark.usefixtures("tracing")
async def test_so_does_one_for_which_there_was_no_room(served: Served, http: httpx.AsyncClient) -> None:
    served.app.state.drain.inflight += ROOM
    try:
        answer = await http.get("/whose", headers=BEARER)
    finally:
        served.app.state.drain.inflight -= ROOM
    assert answer.status_code == 503
    assert len(answer.headers.get_list("X-Trace-Id")) == 1


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize(("path", "status"), SOCKETS)
def test_every_handshake_says_its_trace_once(served: Served, path: str, status: int) -> None:
    context = client_context()
    headers = {"traceparent": context.traceparent}
    try:
        with connect(f"ws://127.0.0.1:{served.port}{path}", additional_headers=headers, proxy=None) as socket:
            answer = socket.response
    except InvalidStatus as refused:
        answer = refused.response
    assert answer is not None
    assert answer.status_code == status
    assert answer.headers.get_all("X-Trace-Id") == [context.trace_id]


def test_a_socket_is_part_of_its_trace(served: Served, spans: list[KeptSpan]) -> None:
    headers = {"traceparent": client_context().traceparent}
    with connect(f"ws://127.0.0.1:{served.port}/accepted", additional_headers=headers, proxy=None) as socket:
        seen = json.loads(socket.recv())
    (span,) = spans
    assert seen == [span.context.trace_id, span.context.span_id]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/metrics?name=up"])
async def test_probes_are_not_recorded(http: httpx.AsyncClient, spans: list[KeptSpan], path: str) -> None:
    context = client_context()
    for method in ("GET", "HEAD", "PUT"):
        answer = await http.request(method, path, headers={"traceparent": context.traceparent})
        assert answer.headers.get_list("X-Trace-Id") == [context.trace_id]
    assert spans == []


@pytest.mark.parametrize(("origin", "rootless"), [("balancer", True), ("Balancer", False), ("", False), (None, False)])
async def test_a_trace_that_the_balancer_made_begins_here(
    http: httpx.AsyncClient, spans: list[KeptSpan], origin: str | None, rootless: bool
) -> None:
    context = client_context()
    headers = {"traceparent": context.traceparent} | ({} if origin is None else {"X-Trace-Origin": origin})
    answer = await http.get("/whose", headers=BEARER | headers)
    (span,) = spans
    assert span.parent == (None if rootless else context)
    assert span.context.trace_id == answer.headers["X-Trace-Id"] == context.trace_id
    assert (span.ends, span.name, span.kind) == (1, "GET /whose", "server")


HOSTILE = {
    "baggage": "optimus.tenant=globex,tenant=globex",
    "tracestate": "optimus.tenant=globex",
    "X-Tenant": "globex",
    "X-Optimus-Tenant": "globex",
    "X-Trace-Origin": "globex",
}


@pytest.mark.parametrize(("credentials", "tenant"), [(BEARER, "acme"), ({}, None)])
async def test_whose_a_request_is_says_its_key_alone(
    http: httpx.AsyncClient, spans: list[KeptSpan], credentials: dict[str, str], tenant: str | None
) -> None:
    context = client_context()
    await http.get("/whose?tenant=globex", headers=HOSTILE | credentials | {"traceparent": context.traceparent})
    (span,) = spans
    assert span.attributes.get("optimus.tenant") == tenant
    assert "globex" not in str(span.attributes)
