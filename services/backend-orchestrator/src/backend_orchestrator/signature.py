"""The proof that a webhook call comes from Meta: `X-Hub-Signature-256`.

Protocol: https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

_PREFIX = "sha256="


def split_secrets(text: str | None) -> tuple[str, ...]:
    """The secrets of one file: several, apart by commas or line ends, are valid at once while one is rotated."""
    return tuple(part.strip() for part in re.split(r"[,\n]", text or "") if part.strip())


def sign(body: bytes, secret: str) -> str:
    """The header value Meta would send for `body` with the app secret `secret`."""
    return _PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """Whether `header` signs the raw `body` with one of `secrets`.

    Every secret is tried whatever the outcome of the others, so the time taken tells nothing about which one matched.
    """
    given = (header or "").encode()
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    return any(matches)


def same_token(given: str | None, secrets: Iterable[str]) -> bool:
    """Whether `given` is one of `secrets`, in time that does not depend on how much of it is right."""
    matches = [hmac.compare_digest(secret.encode(), (given or "").encode()) for secret in secrets]
    return any(matches)
