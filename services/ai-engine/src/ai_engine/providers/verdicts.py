"""Whose fault an upstream error is: the request's, the key's, or a single answer's."""

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ai_engine.providers import strict_json
from optimus_kit.errors import ApiError
from optimus_kit.http_client import DecodingError, HttpTimeout

KEY_REFUSED_SECONDS = 60.0
BUSY_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
LONGEST_RETRY_SECONDS = 86_400
MAX_WORD = 200
MAX_MESSAGE = 500

Reason = Literal["refused", "forbidden", "rate_limited", "timeout", "unreachable", "server_error", "bad_answer", "busy"]

# Said of the request whatever the status: some endpoints answer 403, 422 or 500 here.
REQUEST_CODES = frozenset(
    {
        "context_length_exceeded",
        "content_filter",
        "content_policy_violation",
        "invalid_prompt",
        "string_above_max_length",
        "unsupported_parameter",
        "unsupported_value",
    }
)


@dataclass(frozen=True)
class Failure:
    """Why an attempt gave no answer although another key may have one.

    Args:
        error: what the client is told if no other key has an answer.
        reason: kind of failure, for metrics.
        pause: seconds for which this key is left alone; None leaves it to the breaker.
        counts: whether it is the key's failure; what a single answer or request causes is not.
    """

    error: ApiError
    reason: Reason
    pause: float | None = None
    counts: bool = True


class AttemptFailed(Exception):  # noqa: N818 - not an error of this service
    """Another key may fare better."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error.message)
        self.failure = failure


@dataclass(frozen=True)
class UpstreamError:
    """The fields of an error as the endpoint told it; absent ones are None."""

    message: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None


def bad_gateway(message: str, **fields: Any) -> ApiError:
    """Make the 502; further fields as of `ApiError`."""
    return ApiError(502, message, type="server_error", **({"code": "provider_error"} | fields))


def timed_out() -> ApiError:
    """Make the 504."""
    return ApiError(504, "The provider did not answer in time.", code="provider_timeout")


def no_key(wait: float) -> ApiError:
    """Make the 503 for a provider none of whose keys may be used now; `wait` is in seconds."""
    return ApiError(503, "No provider key is available now.", code="provider_unavailable", headers=_retry(wait))


def bad_answer(message: str) -> AttemptFailed:
    """Make the failure of a single answer: 502, the next key, and nothing held against this one."""
    return AttemptFailed(Failure(bad_gateway(message), "bad_answer", counts=False))


def failure_of(error: Exception) -> Failure:
    """Return what an error of the transport means for the key."""
    if isinstance(error, (HttpTimeout, TimeoutError)):
        return Failure(timed_out(), "timeout")
    if isinstance(error, DecodingError):
        return Failure(bad_gateway("The provider's answer cannot be read."), "bad_answer", counts=False)
    return Failure(bad_gateway("The provider cannot be reached."), "unreachable")


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, as number or HTTP date; None where it asks for nothing."""
    try:
        seconds = float(value or "")
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value or "").timestamp() - time.time()
        except (ValueError, TypeError, OverflowError, AttributeError):
            return None
    return min(max(seconds, 1.0), float(LONGEST_RETRY_SECONDS)) if math.isfinite(seconds) else None


def _retry(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


def judge(status: int, retry: str | None, body: bytes) -> Failure | ApiError:
    """Tell whose fault an answer other than 2xx is: the request's (ApiError), or another key may fare better."""
    try:
        document = strict_json.parse(body)
    except ValueError:
        document = None
    return judge_error(status, retry_after(retry), error_of(document))


def judge_error(status: int, seconds: float | None, told: UpstreamError) -> Failure | ApiError:
    """As `judge`, of an error that was read; `seconds` is what Retry-After asks for."""
    if told.code in REQUEST_CODES:
        return _refused(status if 400 <= status < 500 and status not in {401, 403, 429} else 400, seconds, told)
    if status in {401, 402, 407}:
        # The endpoint's own words are about a key that the client does not have.
        return Failure(bad_gateway("The provider refused its key."), "refused", KEY_REFUSED_SECONDS)
    if status == 403:
        # As often about what was asked for (a model, a moderated text) as about the key.
        return Failure(bad_gateway("The provider refused its key."), "forbidden", counts=False)
    if status == 429:
        asked = BUSY_SECONDS if seconds is None else seconds
        busy = ApiError(503, "The provider is over its limit.", **_fields(told, "provider_unavailable", asked))
        return Failure(busy, "rate_limited", min(asked, LONGEST_PAUSE_SECONDS))
    if status in {408, 504}:
        return Failure(timed_out(), "timeout")
    if status >= 500 or status < 400:
        pause = None if seconds is None else min(seconds, LONGEST_PAUSE_SECONDS)
        error = bad_gateway(f"The provider answered {status}.", **_fields(told, "provider_error", seconds))
        return Failure(error, "server_error", pause)
    return _refused(status, seconds, told)


def _refused(status: int, seconds: float | None, told: UpstreamError) -> ApiError:
    if status == 404:
        fields = _fields(told, "model_not_found", seconds)
        return ApiError(404, "The provider does not know this model.", **(fields | {"param": told.param or "model"}))
    message = f"The provider refused the request: {told.message or 'no reason given.'}"
    fields = _fields(told, "provider_refused", seconds)
    return ApiError(status, message, **({"type": "invalid_request_error"} | fields))


def _fields(told: UpstreamError, code: str, seconds: float | None) -> dict[str, Any]:
    return {"code": told.code or code, "param": told.param, "headers": _retry(seconds)}


def error_of(document: Any) -> UpstreamError:
    """Read an error body: OpenAI's `{"error": {...}}`, `{"error": "..."}`, or the error's fields alone."""
    if not isinstance(document, Mapping):
        return UpstreamError()
    error = document.get("error", document)
    if isinstance(error, str):
        return UpstreamError(_words(error, MAX_MESSAGE))
    if not isinstance(error, Mapping):
        return UpstreamError()
    code = error.get("code")
    return UpstreamError(
        _words(error.get("message"), MAX_MESSAGE),
        _words(code, MAX_WORD) or _words(error.get("type"), MAX_WORD),
        _words(error.get("param"), MAX_WORD),
        code if isinstance(code, int) and 400 <= code < 600 else None,
    )


def in_band(document: Mapping[str, Any]) -> Failure | ApiError:
    """Judge an error that came with status 200: by its own status where it has one, else as a single answer's."""
    told = error_of(document)
    if told.status is not None or told.code in REQUEST_CODES:
        return judge_error(told.status or 400, None, told)
    error = bad_gateway("The provider broke off.", **_fields(told, "provider_error", None))
    return Failure(error, "bad_answer", counts=False)


def _words(value: Any, longest: int) -> str | None:
    return strict_json.well_formed(value)[:longest] if isinstance(value, str) and value else None
