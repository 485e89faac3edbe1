"""Session tokens: what opens the dashboard, what doesn't, and how their key is rotated over two replicas."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from backend_orchestrator.sessions import (
    AUDIENCE,
    COMPANION,
    ISSUER,
    LIFE_SECONDS,
    SIGNING_KEY,
    SKEW_SECONDS,
    NoSigningKeyError,
    Reason,
    SessionRefusedError,
    Sessions,
    key_id,
)

OLD, NEW, FOREIGN = "old-key-" * 8, "new-key-" * 8, "foreign-" * 8


@dataclass
class Replica:
    """A replica with the secrets that it has read, and a clock that may be off by some seconds."""

    secrets: Mapping[str, str] = field(default_factory=lambda: {SIGNING_KEY: OLD})
    off: float = 0
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self._read, self.registry, lambda: time.time() + self.off)

    def _read(self, name: str) -> str | None:
        return self.secrets.get(name)

    def refusal(self, token: str) -> Reason | None:
        try:
            self.sessions.verify(token)
        except SessionRefusedError as refused:
            return refused.reason
        return None

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"optimus_dashboard_sessions_{name}_total", labels) or 0


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 60} | other
    return {name: value for name, value in given.items() if value is not None}


def forged(payload: dict[str, Any], key: str = OLD, algorithm: str = "HS256", kid: object = key_id(OLD)) -> str:
    return jwt.encode(payload, key, algorithm, headers={"kid": kid})


def test_a_session_is_accepted_until_its_end() -> None:
    replica = Replica()
    before = time.time()
    ends_at = replica.sessions.verify(replica.sessions.issue())
    assert before - 1 <= ends_at - LIFE_SECONDS <= time.time()
    assert replica.counted("verified", key="primary") == 1


def test_without_a_key_there_are_no_sessions() -> None:
    replica = Replica({})
    with pytest.raises(NoSigningKeyError):
        replica.sessions.issue()
    assert replica.refusal(Replica().sessions.issue()) is Reason.UNKNOWN_KEY


def test_a_token_names_its_key_without_telling_it() -> None:
    header = jwt.get_unverified_header(Replica().sessions.issue())
    assert header == {"alg": "HS256", "typ": "JWT", "kid": key_id(OLD)}
    assert key_id(OLD) != key_id(NEW)


ATTACKS: dict[str, tuple[Callable[[], str], Reason]] = {
    "no algorithm": (lambda: jwt.encode(claims(), "", "none", headers={"kid": key_id(OLD)}), Reason.INVALID),
    "another algorithm with the right key": (lambda: forged(claims(), OLD, "HS512"), Reason.INVALID),
    "another key under our kid": (lambda: forged(claims(), FOREIGN), Reason.INVALID),
    "an unknown kid": (lambda: forged(claims(), FOREIGN, kid=key_id(FOREIGN)), Reason.UNKNOWN_KEY),
    "no kid": (lambda: jwt.encode(claims(), OLD, "HS256"), Reason.UNKNOWN_KEY),
    "another issuer": (lambda: forged(claims(iss="elsewhere")), Reason.INVALID),
    "another audience": (lambda: forged(claims(aud="api")), Reason.INVALID),
    "several audiences": (lambda: forged(claims(aud=[AUDIENCE, "api"])), Reason.INVALID),
    "no end": (lambda: forged(claims(exp=None)), Reason.INVALID),
    "no issuer": (lambda: forged(claims(iss=None)), Reason.INVALID),
    "no audience": (lambda: forged(claims(aud=None)), Reason.INVALID),
    "an end that is no number": (lambda: forged(claims(exp="never")), Reason.INVALID),
    "long over": (lambda: forged(claims(exp=int(time.time()) - 3600)), Reason.EXPIRED),
    "not yet": (lambda: forged(claims(nbf=int(time.time()) + 3600)), Reason.INVALID),
    "nothing": (lambda: "", Reason.MALFORMED),
    "too long": (lambda: forged(claims(more="x" * 2000)), Reason.MALFORMED),
    "a header that is no object": (lambda: urlsafe_b64encode(b"[]").decode().strip("=") + ".e30.x", Reason.MALFORMED),
    "a kid that is no text": (lambda: segment_kid(b'{"alg":"HS256","kid":7}'), Reason.MALFORMED),
}


def segment_kid(header: bytes) -> str:
    _, payload, signature = Replica().sessions.issue().split(".")
    return ".".join((urlsafe_b64encode(header).decode().strip("="), payload, signature))


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_not_a_session_of_ours_is_refused_and_counted(attack: str) -> None:
    forge, reason = ATTACKS[attack]
    replica = Replica()
    assert replica.refusal(forge()) is reason
    assert replica.counted("refused", reason=reason.value) == 1
    assert replica.counted("verified", key="primary") == 0


@given(st.data())
def test_a_token_in_which_one_character_differs_is_refused(data: st.DataObject) -> None:
    replica = Replica()
    token = replica.sessions.issue()
    # The last character of a part of 32 bytes holds bits that mean nothing.
    position = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda one: one != token[position]))
    assert replica.refusal(token[:position] + other + token[position + 1 :]) is not None


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: urlsafe_b64encode(raw).decode() + ".e30.AA"))
def test_whatever_is_given_is_refused_and_never_an_error(text: str) -> None:
    assert Replica().refusal(text) is not None


@pytest.mark.parametrize("off", [-SKEW_SECONDS / 2, SKEW_SECONDS / 2, 0])
def test_clocks_of_replicas_may_differ_a_little(off: float) -> None:
    assert Replica().refusal(Replica(off=off).sessions.issue()) is None


@pytest.mark.parametrize(
    ("off", "reason"),
    [(10 * SKEW_SECONDS, Reason.INVALID), (-LIFE_SECONDS - 10 * SKEW_SECONDS, Reason.EXPIRED)],
)
def test_a_session_from_the_future_or_the_past_is_refused(off: float, reason: Reason) -> None:
    assert Replica().refusal(Replica(off=off).sessions.issue()) is reason


def test_one_that_is_just_over_is_still_taken_for_the_skew() -> None:
    just_over = forged(claims(exp=int(time.time()) - SKEW_SECONDS // 3))
    assert Replica().refusal(just_over) is None


BEFORE = {SIGNING_KEY: OLD}
PUBLISHED = {SIGNING_KEY: OLD, COMPANION: f"{OLD}\n{NEW}"}
SWITCHED = {SIGNING_KEY: NEW, COMPANION: f"{OLD}\n{NEW}"}
AFTER = {SIGNING_KEY: NEW}
ROTATION = (BEFORE, PUBLISHED, SWITCHED, AFTER)


@pytest.mark.parametrize(
    ("issuer", "verifier"),
    [pair for step in (ROTATION[:2], ROTATION[1:3], ROTATION[2:]) for pair in product(step, step)],
)
def test_at_each_step_replicas_that_have_read_it_and_those_that_have_not_take_each_others_sessions(
    issuer: dict[str, str], verifier: dict[str, str]
) -> None:
    assert Replica(verifier).refusal(Replica(issuer).sessions.issue()) is None


def test_after_the_rotation_an_old_session_is_refused() -> None:
    replica = Replica(BEFORE)
    old = replica.sessions.issue()
    for replica.secrets in (PUBLISHED, SWITCHED):
        assert replica.refusal(old) is None
    replica.secrets = AFTER
    assert replica.refusal(old) is Reason.UNKNOWN_KEY


def test_it_is_counted_which_key_signed() -> None:
    replica = Replica(PUBLISHED)
    old = replica.sessions.issue()
    replica.sessions.verify(old)
    replica.secrets = SWITCHED
    replica.sessions.verify(old)
    replica.sessions.verify(replica.sessions.issue())
    assert (replica.counted("verified", key="primary"), replica.counted("verified", key="secondary")) == (2, 1)
