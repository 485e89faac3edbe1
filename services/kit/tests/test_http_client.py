"""The HTTP client against servers that are right, slow, broken or gone."""

import asyncio
import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.http_peer import Answer, chunked, peer, silent, trickling, whole
from tests.support.ports import free_ports

from optimus_kit.http_client import (
    AnswerTooLarge,
    ConnectError,
    DecodingError,
    HttpClient,
    HttpError,
    Limits,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    RequestError,
    Timeouts,
)

LONG = Timeouts(30, 30, 30)
SHORT = Timeouts(30, 0.3)
GOOD = whole(b'{"ok": true}')
HEAD = b"HTTP/1.1 200 OK\r\n"


async def posted(answer: Answer, timeouts: Timeouts = LONG, max_bytes: int = 1 << 20) -> bytes:
    """Return the body of one answer."""
    async with (
        peer(answer, keep=False) as server,
        HttpClient(server.url, timeouts=timeouts, max_bytes=max_bytes) as client,
    ):
        return (await client.post("/chat", json={"a": "é"})).content


async def test_what_is_sent_and_what_comes_back() -> None:
    async with peer(whole(b'{"ok": [1]}', b"X-Served-By: one")) as server, HttpClient(server.url) as client:
        answer = await client.post("/chat%2F1", json={"a": "é"}, headers={"Authorization": "Bearer k1"})
    assert (answer.status, answer.json(), answer.headers["x-served-by"]) == (200, {"ok": [1]}, "one")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat%2F1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer k1" in head
    assert b"\r\nContent-Type: application/json" in head
    assert body == '{"a":"é"}'.encode()


@pytest.mark.parametrize("answer", [GOOD, chunked(b'{"ok"', b": true}"), b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD])
async def test_a_connection_is_used_again(answer: bytes) -> None:
    async with peer(answer) as server, HttpClient(server.url) as client:
        for _ in range(3):
            assert (await client.post("/chat", json={})).json() == {"ok": True}
    assert (len(server.requests), server.connections) == (3, 1)


async def test_an_answer_ends_with_the_connection_where_nothing_else_says_so() -> None:
    assert await posted(HEAD + b"\r\nall of it") == b"all of it"


@pytest.mark.parametrize(("coding", "encode"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
async def test_an_encoded_answer_is_decoded(coding: bytes, encode: type[bytes]) -> None:
    assert await posted(whole(encode(b"plain"), b"Content-Encoding: " + coding)) == b"plain"


BROKEN = {
    "garbage": (b"\x16\x03\x01 nonsense\r\n\r\n", RemoteProtocolError),
    "another protocol": (b"SSH-2.0-OpenSSH_9.7\r\n", RemoteProtocolError),
    "a header without end": (HEAD + b"X-Long: " + b"x" * 200_000, RemoteProtocolError),
    "a header too long": (HEAD + b"X-Long: " + b"x" * 200_000 + b"\r\n\r\n", RemoteProtocolError),
    "too many headers": (HEAD + b"X-A: 1\r\n" * 20_000 + b"\r\n", RemoteProtocolError),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", RemoteProtocolError),
    "a length that is none": (HEAD + b"Content-Length: -1\r\n\r\n", RemoteProtocolError),
    "nothing": (b"", ReadError),
    "half a head": (HEAD + b"Content-", ReadError),
    "half a body": (HEAD + b"Content-Length: 10\r\n\r\nhalf", ReadError),
    "chunks without end": (chunked(b"some", last=b""), ReadError),
    "a chunk cut off": (chunked(b"some", last=b"5\r\nab"), ReadError),
    "only 1xx": (b"HTTP/1.1 102 Processing\r\n\r\n" * 3, ReadError),
    "no gzip": (whole(b"plain", b"Content-Encoding: gzip"), DecodingError),
}


@pytest.mark.parametrize(("answer", "error"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_is_an_error_of_its_kind(answer: bytes, error: type[HttpError]) -> None:
    with pytest.raises(error):
        await posted(answer)


@pytest.mark.parametrize("last", [b"zz\r\n", b"ffffffffffffffffff\r\n", b"-1\r\n", b"3\r\nabcdef\r\n"])
async def test_a_chunk_that_is_none_is_an_error(last: bytes) -> None:
    with pytest.raises((ReadError, RemoteProtocolError)):
        await posted(chunked(b"some", last=last))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", HEAD, HEAD + b"\r\n", chunked(b"a", last=b"")]))
async def test_whatever_a_server_says_is_an_answer_or_an_error_of_the_client(rest: bytes, beginning: bytes) -> None:
    with suppress(HttpError):
        await posted(beginning + rest)


async def test_a_body_is_read_to_a_bound() -> None:
    with pytest.raises(AnswerTooLarge):
        await posted(whole(b"x" * 100_001), max_bytes=100_000)
    with pytest.raises(AnswerTooLarge):
        await posted(whole(gzip.compress(b"x" * 50_000_000), b"Content-Encoding: gzip"), max_bytes=100_000)
    assert len(await posted(whole(b"x" * 100_000), max_bytes=100_000)) == 100_000


async def test_a_redirect_is_an_answer() -> None:
    elsewhere = whole(b"", b"Location: /elsewhere", status=b"307 Elsewhere")
    async with peer(elsewhere) as server, HttpClient(server.url) as client:
        assert (await client.post("/chat", json={})).status == 307
    assert len(server.requests) == 1


async def test_no_proxy_and_no_cookie_of_anyone_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_ports(1)[0]}")
    async with peer(whole(b"", b"Set-Cookie: a=1; Path=/")) as server, HttpClient(server.url) as client:
        for _ in range(2):
            await client.get("/models")
    assert all(b"cookie" not in request.lower() for request in server.requests)


async def test_a_request_with_a_line_break_in_a_header_is_not_sent() -> None:
    async with peer(GOOD) as server, HttpClient(server.url) as client:
        with pytest.raises(RequestError):
            await client.get("/models", headers={"X-Request-Id": "a\r\nX-Evil: 1"})
        assert (await client.get("/models")).status == 200
    assert len(server.requests) == 1


async def test_nobody_there_is_no_connection() -> None:
    async with HttpClient(f"http://127.0.0.1:{free_ports(1)[0]}") as client:
        with pytest.raises(ConnectError):
            await client.get("/")
    async with HttpClient("http://nowhere.invalid") as client:
        with pytest.raises(ConnectError):
            await client.get("/")


SLOW = {
    "no head": (silent, SHORT),
    "no body": (trickling(HEAD + b"Content-Length: 9\r\n\r\n", 60), SHORT),
    "a byte now and then": (trickling(HEAD + b"\r\n", 0.01), Timeouts(30, 30, total=0.5)),
    "a 1xx and no more": (trickling(b"HTTP/1.1 102 Processing\r\n\r\n", 60), Timeouts(2, 0.3)),
}


@pytest.mark.parametrize(("answer", "timeouts"), SLOW.values(), ids=SLOW)
async def test_a_server_that_takes_too_long_is_a_time_out(answer: Answer, timeouts: Timeouts) -> None:
    async with peer(answer) as server, HttpClient(server.url, timeouts=timeouts) as client:
        with pytest.raises(ReadTimeout):
            await client.post("/chat", json={})


async def test_a_pool_without_a_free_connection_says_so_and_recovers() -> None:
    unfinished = chunked(b"first", last=b"")
    async with peer(unfinished, GOOD) as server, HttpClient(server.url, limits=Limits(1)) as client:
        for _ in range(2):
            stream = await client.open_post("/chat", b"{}")
            with pytest.raises(PoolTimeout):
                await client.get("/models", timeouts=Timeouts(connect=0.05))
            # Twice gives one place back.
            stream.close()
            stream.close()
        assert (await client.get("/models")).status == 200


async def test_a_request_that_is_given_up_ends_its_connection_and_frees_its_place() -> None:
    async with peer(silent, GOOD) as server, HttpClient(server.url, limits=Limits(1), timeouts=LONG) as client:
        asking = asyncio.create_task(client.post("/chat", json={}))
        await asyncio.wait_for(server.asked.wait(), 30)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await client.get("/models")).status == 200
    assert server.connections == 2


async def test_a_stream_closed_early_ends_upstream_too() -> None:
    async with peer(trickling(HEAD + b"\r\n", 0.01)) as server, HttpClient(server.url) as client:
        stream = await client.open_post("/chat", b"{}")
        assert await anext(stream.chunks())
        stream.close()
        await asyncio.wait_for(server.gone.wait(), 30)


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    async with peer(GOOD, keep=False) as server, HttpClient(server.url) as client:
        for number in range(3):
            server.closed.clear()
            assert (await client.post("/chat", json={"n": number})).status == 200
            await asyncio.wait_for(server.closed.wait(), 30)
            # The end of the connection has to arrive as well.
            await asyncio.sleep(0.05)
    assert (len(server.requests), server.connections) == (3, 3)


async def test_a_post_that_was_sent_is_not_sent_again() -> None:
    async def leave(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with peer(GOOD, leave, GOOD) as server, HttpClient(server.url) as client:
        assert (await client.post("/chat", json={})).status == 200
        with pytest.raises(ReadError):
            await client.post("/chat", json={})
    assert len(server.requests) == 2
