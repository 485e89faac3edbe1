"""Sessions of the dashboard: short-lived signed tokens (JWT, HS256) that the long-lived token is exchanged for.

While the signing key is rotated, two are valid: SESSION_SIGNING_KEY signs, and what a key of its companion
SESSION_SIGNING_KEY_SECONDARY signed is accepted, too. First the companion names the old and the new key, then the new
one becomes the key that signs, and at last, after the life of the last token of the old one, the companion goes. Each
step changes one file, so that replicas that have read it and those that haven't take each other's tokens.

A token names its key by `kid`, a keyed fingerprint; each key is for one algorithm, whatever the token's header says
(RFC 8725, 3.1 and 3.11).
"""

import hmac
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256

import jwt
from prometheus_client import CollectorRegistry, Counter

SIGNING_KEY = "SESSION_SIGNING_KEY"
COMPANION = f"{SIGNING_KEY}_SECONDARY"
ALGORITHM = "HS256"
ISSUER = "optimus"
AUDIENCE = "optimus-dashboard"
LIFE_SECONDS = 900
SKEW_SECONDS = 30
"""By which the clocks of two replicas may differ."""

_KID_CONTEXT = b"optimus dashboard session"
_MAX_CHARS = 1024
_CLAIMS = ("iss", "aud", "iat", "nbf", "exp")

ReadSecret = Callable[[str], str | None]


class Reason(StrEnum):
    """Why a token is refused."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    EXPIRED = "expired"
    INVALID = "invalid"


class SessionRefusedError(Exception):
    """The token opens no session; nothing of it is in the message."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class NoSigningKeyError(Exception):
    """There is no key to sign sessions with."""


def key_id(key: str) -> str:
    """The `kid` of a key: a fingerprint that tells nothing of it and is the same in all replicas."""
    return hmac.new(key.encode(), _KID_CONTEXT, sha256).hexdigest()[:16]


class Sessions:
    """Makes and checks session tokens.

    Args:
        read: returns a secret's value as it is now, by its name.
        registry: for the counters; `optimus_dashboard_sessions_verified_total{key="secondary"}` tells when the key that
            a rotation takes away is idle.
        clock: seconds since the epoch.
    """

    def __init__(self, read: ReadSecret, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        verified = Counter(
            "optimus_dashboard_sessions_verified",
            "Session tokens that were accepted, by the key that signed them",
            ("key",),
            registry=registry,
        )
        self._verified = {SIGNING_KEY: verified.labels("primary"), COMPANION: verified.labels("secondary")}
        self._refused = Counter(
            "optimus_dashboard_sessions_refused", "Session tokens that were refused", ("reason",), registry=registry
        )

    def issue(self) -> str:
        """Make the token of a session that begins now and lasts `LIFE_SECONDS`.

        Raises:
            NoSigningKeyError: there is no key.
        """
        key = self._read(SIGNING_KEY)
        if key is None:
            raise NoSigningKeyError
        now = int(self._clock())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + LIFE_SECONDS}
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": key_id(key)})

    def verify(self, token: str) -> float:
        """Return when the token's session ends, in seconds since the epoch.

        Raises:
            SessionRefusedError: it isn't ours, isn't valid now, or its key is none of those that are valid.
        """
        try:
            name, key = self._key(token)
            expires_at = _claims(token, key)["exp"]
        except SessionRefusedError as refused:
            self._refused.labels(refused.reason.value).inc()
            raise
        self._verified[name].inc()
        return float(expires_at)

    def _key(self, token: str) -> tuple[str, str]:
        """The name and value of the key that a token says it was signed with."""
        if len(token) > _MAX_CHARS:
            raise SessionRefusedError(Reason.MALFORMED)
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            raise SessionRefusedError(Reason.MALFORMED) from None
        for name in self._verified:
            # While it is rotated, the companion holds both keys, a line each.
            for key in (self._read(name) or "").splitlines():
                # A `kid` is no secret: anyone can read it in a token.
                if key_id(key) == kid:
                    return name, key
        raise SessionRefusedError(Reason.UNKNOWN_KEY)


def _claims(token: str, key: str) -> dict[str, float]:
    try:
        claims: dict[str, float] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=SKEW_SECONDS,
            options={"require": list(_CLAIMS), "strict_aud": True},
        )
    except jwt.ExpiredSignatureError:
        raise SessionRefusedError(Reason.EXPIRED) from None
    except jwt.InvalidTokenError:
        raise SessionRefusedError(Reason.INVALID) from None
    return claims
