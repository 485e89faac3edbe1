"""Spans of attempts at answers, and what of a trace reaches a provider: nothing."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from tests.support.span_recorder import KeptSpan, recording_spans

from ai_engine.providers.base import Ask, Turn
from ai_engine.providers.embedded import Embedded
from ai_engine.providers.openai import OpenAIProvider
from ai_engine.providers.pool import KeyPool
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpClient
from optimus_kit.shares import Shares
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import CONTENT_CHARACTERS, Unrecorded, use_span
from optimus_kit.weights import Weights

ASK = Ask("fast", (Turn("user", "the secret plan"),), {"max_tokens": 5}, "request-1", "acme")
CLIENTS = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True, state="acme=1")
Make = Callable[..., Any]


@pytest.fixture
def spans() -> Iterator[list[KeptSpan]]:
    with recording_spans() as kept:
        yield kept


@asynccontextmanager
async def provider(url: str, *keys: str) -> AsyncIterator[OpenAIProvider]:
    client = HttpClient()
    made = OpenAIProvider(
        "fake",
        url,
        {"fast": "big-mini"},
        KeyPool(lambda: keys),
        client,
        shares=Shares(8, Weights, 0.2),
    )
    yield made
    await made.aclose()


async def test_a_whole_answer(spans: list[KeptSpan], fake_server: Any, completion: Make) -> None:
    fake_server.answers = [completion("hi there")]
    async with provider(fake_server.url, "k1") as endpoint:
        await endpoint.complete(ASK)
    (span,) = spans
    assert (span.name, span.kind, span.failed, span.ends) == ("chat fast", "client", "", 1)
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "gen_ai.request.model": "big-mini",
        "gen_ai.request.max_tokens": 5,
        "gen_ai.request.stream": False,
        "gen_ai.output.type": "text",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "optimus.tenant": "acme",
        "optimus.provider_key": 1,
    }


async def test_the_model_that_answered_is_named(spans: list[KeptSpan], fake_server: Any, answer: Make) -> None:
    document = {"model": "big-mini-2026-11", "choices": [{"message": {"content": "hi"}, "finish_reason": "length"}]}
    fake_server.answers = [answer(200, document)]
    async with provider(fake_server.url, "k1") as endpoint:
        await endpoint.complete(ASK)
    assert spans[0].attributes["gen_ai.response.model"] == "big-mini-2026-11"
    assert spans[0].attributes["gen_ai.response.finish_reasons"] == ["length"]


async def test_each_key_that_is_tried_is_a_span(
    spans: list[KeptSpan], fake_server: Any, answer: Make, completion: Make
) -> None:
    fake_server.answers = [answer(429, {}), answer(503, {}), completion("third time")]
    async with provider(fake_server.url, "k1", "k2", "k3") as endpoint:
        await endpoint.complete(ASK)
    assert [span.failed for span in spans] == ["rate_limited", "server_error", ""]
    assert [span.attributes["optimus.provider_key"] for span in spans] == [1, 2, 3]
    assert [span.ends for span in spans] == [1, 1, 1]


async def test_a_refused_request_has_the_errors_code(spans: list[KeptSpan], fake_server: Any, answer: Make) -> None:
    fake_server.answers = [answer(400, {"error": {"message": "no", "code": "context_length_exceeded"}})]
    async with provider(fake_server.url, "k1") as endpoint:
        with pytest.raises(ApiError):
            await endpoint.complete(ASK)
    assert [span.failed for span in spans] == ["context_length_exceeded"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_nothing_of_the_trace_reaches_a_provider(
    spans: list[KeptSpan], fake_server: Any, answer: Make, streamed: bool
) -> None:
    fake_server.answers = [answer(500, {})]
    with use_span(Unrecorded(CLIENTS)):
        async with provider(fake_server.url, "k1") as endpoint:
            with pytest.raises(ApiError):
                await (anext(endpoint.stream(ASK)) if streamed else endpoint.complete(ASK))
    (request,) = fake_server.received
    assert not {"traceparent", "tracestate", "baggage", "x-trace-id"} & {name.lower() for name in request.headers}
    assert [(span.context.trace_id, span.ends) for span in spans] == [(CLIENTS.trace_id, 1)]


async def test_a_stream_that_is_left_is_cancelled(spans: list[KeptSpan]) -> None:
    async with aclosing(Embedded().stream(Ask("embedded", ASK.turns))) as pieces:
        await anext(pieces)
        await anext(pieces)
    (span,) = spans
    assert (span.name, span.failed, span.ends) == ("chat embedded", "cancelled", 1)
    assert isinstance(span.attributes["optimus.time_to_first_token"], float)
    assert "gen_ai.response.finish_reasons" not in span.attributes


async def test_what_is_written_is_an_attribute_only_where_that_is_asked_for(fake_server: Any, completion: Make) -> None:
    for captured in (False, True):
        fake_server.answers = [completion("the answer")]
        with recording_spans(capture_content=captured) as spans:
            async with provider(fake_server.url, "k1") as endpoint:
                await endpoint.complete(ASK)
        text = str(spans[0].attributes)
        assert ("the secret plan" in text, "the answer" in text, "k1" in text) == (captured, captured, False)


async def test_captured_content_stays_json_however_long_it_is() -> None:
    turns = tuple(Turn("user", f"{number} " + "😀" * 5000) for number in range(40))
    with recording_spans(capture_content=True) as spans:
        await Embedded().complete(Ask("embedded", turns))
    told = spans[0].attributes["gen_ai.input.messages"]
    assert isinstance(told, str)
    assert len(told) <= CONTENT_CHARACTERS
    assert json.loads(told)[-1]["content"].startswith("39 ")
    # Else it would be cut like other attributes, and be no JSON any more.
    assert spans[0].content == {"gen_ai.input.messages", "gen_ai.output.messages"}
