"""What an error of the WhatsApp Cloud API means for the attempt: judged by its code, statuses being shared by many.

Codes: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from collections.abc import Mapping

from backend_orchestrator.http_errors import attempt_error, retry_after
from backend_orchestrator.retry import AttemptError, PermanentError, ThrottledError, TransientError
from optimus_kit.http_client import Answer

# Seconds to wait where the answer doesn't say: calls of an app, a user, a page, a business account (by the hour), a
# number's throughput, its quality, one recipient (a message in six seconds), registrations.
THROTTLED: Mapping[int, float] = {
    4: 60.0,
    17: 60.0,
    32: 60.0,
    613: 60.0,
    80007: 60.0,
    130429: 2.0,
    131048: 300.0,
    131056: 6.0,
    133016: 60.0,
}
# The service is down or overloaded (1, 2, 131000, 131016, 131057, 133004), the token is being changed (0, 190), or a
# permission, payment or certificate is missing that the operator can mend (3, 10, 131005, 131042, 131045).
TRANSIENT = frozenset({0, 1, 2, 3, 10, 190, 131000, 131005, 131016, 131042, 131045, 131057, 133004})
_PERMISSIONS = range(200, 300)
# Refused whatever the status: a parameter, the recipient, later than 24 hours, the account, the content.
PERMANENT = frozenset(
    {33, 100, 368, 130403, 130472, 130497, 131008, 131009, 131021, 131026, 131030, 131031, 131037, 131047, 131049}
    | {131051, 131052, 131053, 131062, 133010, 135000}
)


def whatsapp_error(response: Answer) -> AttemptError | None:
    """The error that a response of the Graph API tells; None for a success. Only numbers of it are told on."""
    error = _error(response)
    if response.is_success and error is None:
        return None
    code = _number(error.get("code")) if error else None
    if error is None or code is None:
        return _by_status(response, None)
    subcode = _number(error.get("error_subcode"))
    reason = f"WhatsApp answered {response.status}, code {code}" + (f", subcode {subcode}" if subcode else "")
    if code in THROTTLED:
        return ThrottledError(reason, max(retry_after(response.headers.get("Retry-After")), THROTTLED[code]))
    if code in PERMANENT:
        return PermanentError(reason)
    if code in TRANSIENT or code in _PERMISSIONS or error.get("is_transient") is True:
        return TransientError(reason)
    return _by_status(response, code)


def _by_status(response: Answer, code: int | None) -> AttemptError:
    """Of a code that is not known, or none."""
    if response.is_success:
        return PermanentError(f"WhatsApp answered {response.status} with an error, code {code}")
    return attempt_error("WhatsApp" if code is None else f"WhatsApp (code {code})", response)


def _number(value: object) -> int | None:
    """A code, which partners of Meta pass on as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _error(response: Answer) -> Mapping[str, object] | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else None
