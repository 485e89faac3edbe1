"""What an unsuccessful HTTP call means for the attempt it was part of."""

from http import HTTPStatus

from backend_orchestrator.retry import AttemptError, PermanentError, ThrottledError, TransientError
from optimus_kit.http_client import Answer, HttpError, PoolTimeout

_DEFAULT_RETRY_AFTER = 1.0
_MAX_RETRY_AFTER = 3600.0
# Refused for now: a key being rotated (401, 403), a time-out, a conflict, "too early".
_TRANSIENT = frozenset({401, 403, 408, 409, 425})


def attempt_error(peer: str, response: Answer) -> AttemptError:
    """The error of a response other than success. Only the status is told on: bodies may hold anything."""
    status = response.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(f"{peer} answered 429", retry_after(response.headers.get("Retry-After")))
    reason = f"{peer} answered {status}"
    if status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in response.headers:
        # Full for now, by whoever's requests: that must not use up the attempts of this message.
        return ThrottledError(reason, retry_after(response.headers["Retry-After"]))
    if status >= 500 or status in _TRANSIENT:
        return TransientError(reason)
    return PermanentError(reason)


def transport_error(peer: str, error: HttpError) -> AttemptError:
    """The error of a call that got no response: unreachable, cut off, past its deadline.

    One that found no free connection was never made, so it uses up no attempt.
    """
    if isinstance(error, PoolTimeout):
        return ThrottledError(f"{peer}: no free connection", _DEFAULT_RETRY_AFTER)
    return TransientError(f"{peer}: {type(error).__name__}")


def retry_after(value: str | None) -> float:
    """Seconds of a `Retry-After` header. Dates and nonsense mean the default: they are rare, and asking is cheap."""
    try:
        seconds = float(value or "")
    except ValueError:
        return _DEFAULT_RETRY_AFTER
    # A comparison with NaN is false, which ends in the default as well.
    return min(seconds, _MAX_RETRY_AFTER) if seconds >= 0 else _DEFAULT_RETRY_AFTER
