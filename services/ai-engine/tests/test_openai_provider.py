"""A pool of keys against a fake endpoint on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from tests.support.http_peer import chunked, peer

from ai_engine.providers import catalogue
from ai_engine.providers.base import Ask, Piece, Turn, Usage
from ai_engine.providers.catalogue import Catalogue
from ai_engine.providers.embedded import Embedded
from ai_engine.providers.openai import OpenAIProvider, Patience
from ai_engine.providers.pool import KeyPool
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpClient, Limits
from optimus_kit.shares import Shares
from optimus_kit.weights import Weights

ASK = Ask("fast", (Turn("user", "hello"),), {"max_tokens": 5, "temperature": 0.5}, "request-1", "acme")
USUAL = Patience()
# Long for the loopback even where the machine is busy.
SHORT = Patience(connect=1.0, first_byte=1.0)
Make = Callable[..., Any]


@asynccontextmanager
async def provider(url: str, *keys: str, patience: Patience = USUAL) -> AsyncIterator[OpenAIProvider]:
    client = HttpClient()
    shares = Shares(8, Weights, 0.2)
    made = OpenAIProvider(
        "fake", url, {"fast": "big-mini"}, KeyPool(lambda: keys), client, shares=shares, patience=patience
    )
    yield made
    await made.aclose()


def keys_used(fake_server: Any) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in fake_server.received]


async def test_the_request_is_passed_on_under_the_name_upstream(fake_server: Any, completion: Make) -> None:
    fake_server.answers = [completion("hi there")]
    async with provider(fake_server.url, "k1") as endpoint:
        reply = await endpoint.complete(ASK)
    [request] = fake_server.received
    assert (reply.text, reply.usage) == ("hi there", Usage(7, 2))
    assert request.path == "/v1/chat/completions"
    assert request.headers["x-request-id"] == "request-1"
    assert request.body == {
        "model": "big-mini",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "max_tokens": 5,
    }


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_the_next_key_is_tried(fake_server: Any, answer: Make, completion: Make, status: int) -> None:
    fake_server.answers = [answer(status, {}), completion("from the second")]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        assert (await endpoint.complete(ASK)).text == "from the second"
    assert keys_used(fake_server) == ["k1", "k2"]


async def test_a_key_over_its_limit_is_left_alone(fake_server: Any, answer: Make, completion: Make) -> None:
    fake_server.answers = [answer(429, {}, Retry_After="60"), completion("ok")]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        for _ in range(3):
            await endpoint.complete(ASK)
    assert keys_used(fake_server) == ["k1", "k2", "k2", "k2"]


async def test_an_error_of_the_request_is_not_tried_again(fake_server: Any, answer: Make) -> None:
    fake_server.answers = [answer(400, {"error": {"message": "no"}})]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        with pytest.raises(ApiError) as refused:
            await endpoint.complete(ASK)
    assert (refused.value.status, keys_used(fake_server)) == (400, ["k1"])


async def test_when_every_key_fails_the_last_error_is_told_and_then_that_none_is_left(
    fake_server: Any, answer: Make
) -> None:
    fake_server.answers = [answer(401, {})]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        with pytest.raises(ApiError) as first:
            await endpoint.complete(ASK)
        with pytest.raises(ApiError) as second:
            await endpoint.complete(ASK)
    assert (first.value.status, first.value.code) == (502, "provider_error")
    assert (second.value.status, second.value.code) == (503, "provider_unavailable")
    assert int(second.value.headers["Retry-After"]) >= 1
    assert len(fake_server.received) == 2


async def test_an_endpoint_that_is_not_there_is_a_502() -> None:
    async with provider("http://127.0.0.1:9/v1", "k1") as endpoint:
        with pytest.raises(ApiError) as refused:
            await endpoint.complete(ASK)
    assert refused.value.status == 502


async def test_a_stream_comes_in_pieces(fake_server: Any, events: Make) -> None:
    fake_server.answers = [events("Hel", "lo")]
    async with provider(fake_server.url, "k1") as endpoint:
        pieces = [piece async for piece in endpoint.stream(ASK)]
    assert pieces[0] == Piece()
    assert "".join(piece.text for piece in pieces) == "Hello"
    assert [piece.finish_reason for piece in pieces if piece.finish_reason] == ["stop"]
    assert pieces[-1].usage == Usage(1, 1)


async def test_a_stream_that_breaks_before_its_first_piece_is_tried_again(fake_server: Any, events: Make) -> None:
    fake_server.answers = [events(done=False), events("ok")]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        pieces = [piece async for piece in endpoint.stream(ASK)]
    assert "".join(piece.text for piece in pieces) == "ok"
    assert keys_used(fake_server) == ["k1", "k2"]


async def test_a_stream_that_breaks_later_is_not_tried_again(fake_server: Any, events: Make) -> None:
    fake_server.answers = [events("Hel", done=False), events("ok")]
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        pieces = endpoint.stream(ASK)
        assert [(await anext(pieces)).text for _ in range(2)] == ["", "Hel"]
        with pytest.raises(ApiError, match="broke off"):
            await anext(pieces)
    assert keys_used(fake_server) == ["k1"]


async def test_closing_a_stream_cancels_it_upstream(fake_server: Any, events: Make) -> None:
    fake_server.answers = [events("Hel", then=asyncio.Event().wait)]
    async with provider(fake_server.url, "k1") as endpoint:
        async with aclosing(endpoint.stream(ASK)) as pieces:
            assert await anext(pieces) == Piece()
        await asyncio.wait_for(fake_server.disconnected.wait(), 10)


@pytest.mark.parametrize("apart", [False, True])
async def test_streams_share_a_connection_also_where_its_end_comes_late(apart: bool) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\n', b"data: [DONE]\n\n", last=b""))
        if apart:
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")

    async with peer(answer) as server, provider(server.url, "k1") as endpoint:
        for _ in range(3):
            assert "".join([piece.text async for piece in endpoint.stream(ASK)]) == "hi"
    assert server.connections == 1


async def test_a_stream_whose_connection_never_ends_ends_with_done() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\n', b"data: [DONE]\n\n", last=b""))
        await asyncio.Event().wait()

    async with peer(answer) as server, provider(server.url, "k1") as endpoint:
        assert "".join([piece.text async for piece in endpoint.stream(ASK)]) == "hi"
        assert endpoint.key_failures() == {}


async def test_a_failing_provider_falls_back_to_the_next(fake_server: Any, answer: Make) -> None:
    fake_server.answers = [answer(500, {})]
    async with provider(fake_server.url, "k1") as endpoint:
        routes = Catalogue(lambda: [endpoint, Embedded()], {"fake": [("embedded", "embedded")]}).routes("fast")
        whole = await catalogue.complete(routes, ASK)
        streamed = [piece.text async for piece in catalogue.stream(routes, ASK)]
    assert whole.text == "".join(streamed) == "Turn 1. You said: hello"


def hangs(*beginning: bytes) -> Any:
    """Return what sends a beginning, if any, and then nothing more."""

    async def write(_request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(beginning))
        await writer.drain()
        await asyncio.Event().wait()

    return write


HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def test_a_hung_key_costs_a_stream_the_first_byte_timeout(fake_server: Any, events: Make) -> None:
    for beginning in ((), (HEADERS,)):
        fake_server.received.clear()
        fake_server.answers = [hangs(*beginning), events("ok")]
        async with provider(fake_server.url, "k1", "k2", patience=SHORT) as endpoint:
            pieces = [piece.text async for piece in endpoint.stream(ASK)]
        assert "".join(pieces) == "ok"
        assert keys_used(fake_server) == ["k1", "k2"]


async def test_a_hung_key_costs_a_whole_answer_the_first_byte_timeout(fake_server: Any, completion: Make) -> None:
    fake_server.answers = [hangs(), completion("ok")]
    async with provider(fake_server.url, "k1", "k2", patience=SHORT) as endpoint:
        assert (await endpoint.complete(ASK)).text == "ok"
        assert endpoint.key_failures() == {(1, "timeout"): 1}
        assert endpoint.places_used() == 0
    assert keys_used(fake_server) == ["k1", "k2"]


async def test_the_only_key_that_hangs_costs_a_whole_answer_no_more(fake_server: Any) -> None:
    fake_server.answers = [hangs()]
    async with provider(fake_server.url, "k1", patience=SHORT) as endpoint:
        with pytest.raises(ApiError) as late:
            await endpoint.complete(ASK)
        assert endpoint.key_failures() == {(1, "timeout"): 1}
        assert endpoint.places_used() == 0
    assert (late.value.status, late.value.code) == (504, "provider_timeout")
    assert [request.path for request in fake_server.received] == ["/v1/chat/completions", "/v1/models"]


async def test_a_slow_whole_answer_is_not_cut_off(fake_server: Any, completion: Make) -> None:
    async def slow(request: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5 * SHORT.first_byte)
        await completion("slow")(request, writer)

    fake_server.answers = [slow]
    async with provider(fake_server.url, "k1", patience=SHORT) as endpoint:
        assert (await endpoint.complete(ASK)).text == "slow"
        assert endpoint.key_failures() == {}


async def test_a_whole_request_that_is_broken_off_leaves_no_place_taken(fake_server: Any) -> None:
    fake_server.answers = [hangs()]
    async with provider(fake_server.url, "k1", "k2", patience=SHORT) as endpoint:
        for seconds in (0.0, 0.05, 1.2 * SHORT.first_byte):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(endpoint.complete(ASK), seconds)
            assert endpoint.places_used() == 0


@pytest.mark.parametrize(
    "body", [b"<html>", b"[" * 5000, b'{"choices": [{"message": {"content": 1}}]}', b'{"usage": 1e999}']
)
async def test_an_answer_that_is_none_costs_the_next_key_and_no_trust(
    fake_server: Any, answer: Make, completion: Make, body: bytes
) -> None:
    fake_server.answers = [answer(200, body), completion("ok")] * 5
    async with provider(fake_server.url, "k1", "k2") as endpoint:
        for _ in range(5):
            assert (await endpoint.complete(ASK)).text == "ok"
        assert [state.state for state in endpoint.key_states()] == ["closed", "closed"]


HEAD = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "garbage": (b"SSH-2.0-OpenSSH\r\n", "unreachable"),
    "a head without end": (HEAD + b"X: " + b"x" * 200_000, "unreachable"),
    "half a body": (HEAD + b"Content-Length: 9\r\n\r\n{", "unreachable"),
    "no chunk": (chunked(b"{", last=b"zz\r\n"), "unreachable"),
    "nothing": (b"", "unreachable"),
    "no gzip": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "bad_answer"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_costs_the_next_key(broken: bytes, reason: str, stream: bool) -> None:
    good = b'data: {"choices": [{"delta": {"content": "ok"}}]}\n\ndata: [DONE]\n\n'
    whole = b'{"choices": [{"message": {"content": "ok"}}]}'
    async with (
        peer(broken, chunked(good if stream else whole), keep=False) as server,
        provider(server.url, "k1", "k2") as endpoint,
    ):
        if stream:
            text = "".join([piece.text async for piece in endpoint.stream(ASK)])
        else:
            text = (await endpoint.complete(ASK)).text
        assert (text, endpoint.key_failures()) == ("ok", {(1, reason): 1})
        assert endpoint.places_used() == 0


async def test_a_pool_without_a_connection_is_overload_and_no_failure_of_a_key(fake_server: Any, events: Make) -> None:
    fake_server.answers = [events("Hel", then=asyncio.Event().wait)]
    client = HttpClient(limits=Limits(1))
    shares = Shares(8, Weights, 0.2)
    patience = Patience(connect=0.2)
    made = OpenAIProvider(
        "fake", fake_server.url, {"fast": "f"}, KeyPool(lambda: ["k1"]), client, shares=shares, patience=patience
    )
    async with aclosing(made.stream(ASK)) as pieces:
        await anext(pieces)
        with pytest.raises(ApiError) as whole:
            await made.complete(ASK)
    assert (whole.value.status, whole.value.code, whole.value.headers) == (503, "overloaded", {"Retry-After": "1"})
    assert made.key_failures() == {}
    await made.aclose()


async def test_parameters_and_parts_reach_the_endpoint_as_they_are(fake_server: Any, completion: Make) -> None:
    fake_server.answers = [completion("ok")]
    options = {"response_format": {"type": "json_object"}, "max_completion_tokens": 7, "top_k": 3}
    parts = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    turns = (Turn("user", "a", None, {"content": parts}), Turn("assistant", "b", None, {"prefix": True}))
    async with provider(fake_server.url, "k1") as endpoint:
        await endpoint.complete(Ask("fast", turns, options))
    assert fake_server.received[0].body == {
        "model": "big-mini",
        "messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "b", "prefix": True}],
        **options,
    }
