import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.base import Ask, Piece, Turn, Usage
from ai_engine.providers.upstream import parse_chunk, parse_reply, pieces
from ai_engine.providers.verdicts import AttemptFailed
from optimus_kit.errors import ApiError

ASK = Ask("m", (Turn("user", "one two"),))
NAMES = st.sampled_from(["choices", "message", "delta", "content", "usage", "prompt_tokens", "finish_reason", "error"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)
MESSAGE = '{"choices": [{"message": {"content": %s}, "finish_reason": "stop"}], "usage": %s}'


@given(JSON)
def test_any_answer_is_read_or_is_a_502(document: object) -> None:
    for read in (lambda text: parse_reply(text.encode(), ASK), parse_chunk):
        try:
            read(json.dumps(document))
        except AttemptFailed as failed:
            assert failed.failure.error.status in {502, 503, 504}  # noqa: PT017 - both ends are allowed, no third


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"", b"null", b"[]", b"[" * 100_000, b"\xff\xfe\x00", b'{"choices": {}}', b'{"choices": [null]}',
        MESSAGE.encode() % (b'"x"', b'{"prompt_tokens": 1e999}'),
        MESSAGE.encode() % (b'"x"', b'{"prompt_tokens": NaN}'),
        MESSAGE.encode() % (b'"x"', b'{"prompt_tokens": -1}'),
        MESSAGE.encode() % (b'"x"', b'{"prompt_tokens": "7"}'),
        MESSAGE.encode() % (b'"x"', b'{"prompt_tokens": ' + b"9" * 5000 + b"}"),
        MESSAGE.encode() % (b"42", b"null"),
        MESSAGE.encode() % (b"[1]", b"null"),
        MESSAGE.encode() % (b'[{"type": "x", "x": ' + b"[" * 200 + b"]" * 200 + b"}]", b"null"),
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": {}}]}',
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_502_and_not_held_against_the_key(body: bytes) -> None:
    with pytest.raises(AttemptFailed) as failed:
        parse_reply(body, ASK)
    assert (failed.value.failure.error.status, failed.value.failure.counts) == (502, False)


def test_a_usage_that_is_not_told_is_estimated() -> None:
    reply = parse_reply(b'{"choices": [{"message": {"content": "a b c"}}]}', ASK)
    assert (reply.text, reply.finish_reason, reply.usage) == ("a b c", "stop", Usage(2, 3))


def test_what_a_reply_holds_beyond_words_is_kept_as_it_is() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    message = {"role": "assistant", "content": parts, "refusal": None, "reasoning": "r"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": []}}
    document = {"choices": [choice], "system_fingerprint": "fp", "usage": {"prompt_tokens": 1, "x_details": {"y": 2}}}
    reply = parse_reply(json.dumps(document).encode(), ASK)
    assert reply.text == "ab"
    assert reply.message == {"content": parts, "reasoning": "r"}
    assert (reply.choice, reply.extra) == ({"logprobs": {"content": []}}, {"system_fingerprint": "fp"})
    assert reply.usage == Usage(1, 0, {"x_details": {"y": 2}})


async def read(*chunks: bytes) -> list[Piece]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [piece async for piece in pieces(source())]


def chunk(text: str) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=False).encode()


END = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + chunk("a\u2028b\x85c") + b"\n\n" + END,
        b"\xef\xbb\xbfdata:" + chunk("a\u2028b\x85c") + b"\r\rdata: \r\r" + END + b"data: [DONE]\n\n",
        b": hi\n\ndata: {\"type\": \"ping\"}\n\ndata: " + chunk("a\u2028b\x85c") + b"\n\n" + END,
        b"data: " + chunk("a\u2028b\x85c").replace(b": [", b":\ndata: [") + b"\n\n" + END,
        b"event: ping\ndata: x\n\ndata: " + chunk("a\u2028b\x85c") + b"\n\n" + END,
        b'data: {"choices": [], "prompt_filter_results": []}\n\ndata: ' + chunk("a\u2028b\x85c") + b"\n\n" + END,
    ],
)  # fmt: skip
async def test_streams_as_endpoints_send_them(stream: bytes) -> None:
    for chunks in ((stream,), tuple(bytes([byte]) for byte in stream)):
        assert await read(*chunks) == [Piece("a\u2028b\x85c"), Piece(finish_reason="stop")]


async def test_a_last_chunk_with_usage_and_no_choices_is_the_usage() -> None:
    for last in (b'{"choices": [], "usage": %s}', b'{"usage": %s}', b'{"choices": null, "usage": %s}'):
        usage = b'{"prompt_tokens": 3, "completion_tokens": 4}'
        found = await read(END + b"data: " + last % usage + b"\n\ndata: [DONE]\n\n")
        assert found[-1] == Piece(usage=Usage(3, 4))


async def test_a_stream_without_its_end_is_not_held_against_the_key() -> None:
    with pytest.raises(AttemptFailed) as failed:
        await read(b"data: " + chunk("a") + b"\n\n")
    assert (failed.value.failure.error.status, failed.value.failure.counts) == (502, False)


@pytest.mark.parametrize(
    ("error", "status", "code", "param"),
    [
        ({"code": "invalid_prompt", "message": "long", "param": "messages"}, 400, "invalid_prompt", "messages"),
        ({"code": "content_filter", "message": "no"}, 400, "content_filter", None),
        ({"code": 400, "message": "no"}, 400, "provider_refused", None),
    ],
)  # fmt: skip
def test_an_error_of_the_request_within_an_answer_is_told(
    error: Any, status: int, code: str, param: str | None
) -> None:
    with pytest.raises(ApiError) as refused:
        parse_chunk(json.dumps({"error": error}))
    assert (refused.value.status, refused.value.code, refused.value.param) == (status, code, param)
