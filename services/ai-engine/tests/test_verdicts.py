import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.verdicts import Failure, judge, retry_after
from optimus_kit.errors import ApiError


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 500, 502, 503, 504, 302])
def test_another_key_may_fare_better(status: int) -> None:
    verdict = judge(status, None, b"")
    assert isinstance(verdict, Failure)
    assert verdict.error.status in {502, 503, 504}
    # A 403 is as often about what was asked for.
    assert verdict.counts == (status != 403)


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422, 451])
def test_what_is_wrong_with_the_request_is_told_with_code_and_param(status: int) -> None:
    refused = judge(status, "7", body(message="too long", code="too_long", param="messages"))
    assert isinstance(refused, ApiError)
    assert (refused.status, refused.code, refused.param) == (status, "too_long", "messages")
    assert refused.message == "The provider refused the request: too long"
    assert refused.headers == {"Retry-After": "7"}


def test_an_unknown_model_is_told() -> None:
    unknown = judge(404, None, b"<html>")
    assert isinstance(unknown, ApiError)
    assert (unknown.status, unknown.code, unknown.param) == (404, "model_not_found", "model")


@pytest.mark.parametrize("status", [400, 403, 422, 429, 500])
@pytest.mark.parametrize("code", ["context_length_exceeded", "content_filter"])
def test_a_text_that_is_too_long_or_filtered_is_the_requests_fault_whatever_the_status(status: int, code: str) -> None:
    refused = judge(status, None, body(message="no", code=code))
    assert isinstance(refused, ApiError)
    assert 400 <= refused.status < 500
    assert refused.code == code


def test_an_endpoint_over_its_limit_says_until_when_and_why() -> None:
    verdict = judge(429, "42", body(message="later", code="insufficient_quota"))
    assert isinstance(verdict, Failure)
    assert (verdict.pause, verdict.error.status, verdict.error.code) == (42.0, 503, "insufficient_quota")
    assert verdict.error.headers == {"Retry-After": "42"}


def test_a_key_that_is_refused_says_nothing_about_the_clients_own() -> None:
    verdict = judge(401, None, body(message="Incorrect API key provided: sk-12", code="invalid_api_key"))
    assert isinstance(verdict, Failure)
    assert verdict.error.body() == {
        "error": {"message": "The provider refused its key.", "type": "server_error", "code": "provider_error"}
    }


@given(st.none() | st.text(max_size=10) | st.floats().map(str))
def test_any_retry_after_is_within_bounds_or_none(value: str | None) -> None:
    seconds = retry_after(value)
    assert seconds is None or 1.0 <= seconds <= 86_400


def test_a_retry_after_may_be_a_date() -> None:
    seconds = retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert seconds is not None
    assert 3000 < seconds <= 3600


@given(st.binary(max_size=40) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
    lambda value: json.dumps({"error": {"message": value, "code": value, "param": value}}).encode()
), st.sampled_from([400, 404, 429, 500]))  # fmt: skip
def test_any_error_body_is_told_in_a_form_that_can_be_sent(told: bytes, status: int) -> None:
    verdict = judge(status, None, told)
    error = verdict.error if isinstance(verdict, Failure) else verdict
    assert error.response().body
