"""What clients of servers inside and outside the platform say of the trace."""

import httpx
import pytest
from tests.support.http_answers import AnsweredBy
from tests.support.span_recorder import recording_spans

from optimus_kit.http_client import ConnectError, HttpClient
from optimus_kit.trace_context import TraceContext
from optimus_kit.traced_client import InsideClient, OutsideClient
from optimus_kit.tracing import Unrecorded, use_span

HERE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True, state="vendor=1")


class Server:
    """Answers with a status, and keeps the headers that it was asked with."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        return httpx.Response(self.status)


async def ask(kind: type[HttpClient], server: Server, context: TraceContext = HERE) -> None:
    async with kind(transport=AnsweredBy(server)) as client:
        with use_span(Unrecorded(context)):
            await client.get("http://service:8010/v1/orders/4711")


async def test_inside_the_trace_goes_on() -> None:
    server = Server()
    with recording_spans() as spans:
        await ask(InsideClient, server)
    (span,) = spans
    assert (span.name, span.kind, span.parent, span.ends) == ("GET", "client", HERE, 1)
    assert span.attributes["url.path"] == "/v1/orders/4711"
    assert server.headers[0]["traceparent"] == span.context.traceparent
    assert server.headers[0]["tracestate"] == "vendor=1"


async def test_outside_nothing_is_told_and_no_path_is_kept() -> None:
    server = Server()
    with recording_spans() as spans:
        await ask(OutsideClient, server)
    assert [(span.name, span.attributes["server.address"]) for span in spans] == [("GET", "service")]
    assert "4711" not in str(spans)
    assert not {"traceparent", "tracestate", "baggage"} & set(server.headers[0])


@pytest.mark.parametrize("recorded", [True, False])
async def test_that_a_trace_is_not_sampled_is_told_too(recorded: bool) -> None:
    server = Server()
    silent = TraceContext(HERE.trace_id, HERE.span_id, sampled=False)
    if recorded:
        with recording_spans() as spans:
            await ask(InsideClient, server, silent)
            assert spans == []
    else:
        await ask(InsideClient, server, silent)
    assert server.headers[0]["traceparent"].startswith(f"00-{HERE.trace_id}-")
    assert server.headers[0]["traceparent"].endswith("-00")


async def test_without_a_trace_there_is_no_header() -> None:
    server = Server()
    async with InsideClient(transport=AnsweredBy(server)) as client:
        await client.get("http://service/")
    assert "traceparent" not in server.headers[0]


async def test_errors_are_the_spans() -> None:
    with recording_spans() as spans:
        await ask(OutsideClient, Server(503))

        def refused(_: httpx.Request) -> httpx.Response:
            raise ConnectError("no")

        async with OutsideClient(transport=AnsweredBy(refused)) as client:
            with pytest.raises(ConnectError):
                await client.get("http://service/")
    assert [(span.failed, span.ends) for span in spans] == [("503", 1), ("ConnectError", 1)]
