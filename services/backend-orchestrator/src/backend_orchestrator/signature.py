"""The proof that a webhook call comes from Meta: `X-Hub-Signature-256`.

Protocol: https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from optimus_kit.errors import ApiError
from optimus_kit.secret_watcher import SecretWatcher, secondary

APP_SECRET = "WHATSAPP_APP_SECRET"  # noqa: S105 - the secret's name

_PREFIX = "sha256="


def split_secrets(*texts: str | None) -> tuple[str, ...]:
    """The secrets of one or more files: each may hold several, apart by commas or line ends, all valid at once."""
    parts = (part.strip() for text in texts for part in re.split(r"[,\n]", text or ""))
    return tuple(part for part in parts if part)


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


class Signatures:
    """Signatures of webhook calls, and by which secret they were made.

    While the secret is rotated there are two. `optimus_webhook_signature_matches_total{secret="secondary"}` tells when
    the other one is idle.

    Args:
        secrets: of the service.
        registry: for the counter.
    """

    def __init__(self, secrets: SecretWatcher, registry: CollectorRegistry) -> None:
        self._secrets = secrets
        matches = Counter(
            "optimus_webhook_signature_matches",
            "Webhook calls with a valid signature, by the secret that made it",
            ("secret",),
            registry=registry,
        )
        self._matches = {
            name: matches.labels(label)
            for name, label in (
                (APP_SECRET, "primary"),
                (secondary(APP_SECRET), "secondary"),
            )
        }

    def require(self, body: bytes, header: str | None) -> None:
        """Count the match of a call that is signed.

        Raises:
            ApiError: 401 for one that isn't; 503 when there is no secret.
        """
        valid = {name: split_secrets(self._secrets.get(name)) for name in self._matches}
        if not any(valid.values()):
            raise ApiError(503, "The WhatsApp webhook is not set up.", code="not_configured")
        if header is None:
            raise ApiError(401, "The header X-Hub-Signature-256 is missing.", code="missing_signature")
        # All are tried whatever the outcome of the first.
        matching = [name for name, secrets in valid.items() if is_signed(body, header, secrets)]
        if not matching:
            raise ApiError(401, "The header X-Hub-Signature-256 does not sign this body.", code="invalid_signature")
        self._matches[matching[0]].inc()
