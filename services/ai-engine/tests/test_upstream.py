import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.base import Ask, Turn, Usage
from ai_engine.providers.upstream import KeyFailure, judge, parse_chunk, parse_reply, retry_after
from optimus_kit.errors import ApiError

ASK = Ask("m", (Turn("user", "one two"),))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "message", "delta", "content", "usage", "x"]), inner, max_size=4)
    ),
)


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503, 504, 302])
def test_another_key_may_fare_better(status: int) -> None:
    verdict = judge(status, None, b"")
    assert isinstance(verdict, KeyFailure)
    assert verdict.error.status in {502, 503, 504}


def test_what_is_wrong_with_the_request_is_told() -> None:
    refused = judge(400, None, b'{"error": {"message": "too long"}}')
    unknown = judge(404, None, b"<html>")
    assert isinstance(refused, ApiError)
    assert isinstance(unknown, ApiError)
    assert (refused.status, refused.message) == (400, "The provider refused the request: too long")
    assert (unknown.status, unknown.code) == (404, "model_not_found")


def test_retry_after_is_the_pause_of_the_key() -> None:
    verdict = judge(429, "42", b"")
    assert isinstance(verdict, KeyFailure)
    assert verdict.pause == 42.0


@given(st.none() | st.text(max_size=10) | st.floats().map(str))
def test_any_retry_after_is_a_pause_within_bounds(value: str | None) -> None:
    assert 1.0 <= retry_after(value) <= 300.0


@given(JSON)
def test_any_answer_is_read_or_is_a_502(document: object) -> None:
    for read in (lambda text: parse_reply(text.encode(), ASK), parse_chunk):
        try:
            read(json.dumps(document))
        except ApiError as error:
            assert error.status == 502  # noqa: PT017 - both ends are allowed, no third


def test_a_usage_that_is_not_told_is_estimated() -> None:
    reply = parse_reply(b'{"choices": [{"message": {"content": "a b c"}}]}', ASK)
    assert (reply.text, reply.finish_reason, reply.usage) == ("a b c", "stop", Usage(2, 3))
