"""Keys of a provider with an admin API, over real HTTP: whatever fails, no key is left that nobody knows of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.provider_api import ADMIN_KEY, PROJECT, Deed, ProviderState, provider_api

from optimus_ops.errors import Refused
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.providers.endpoint import Endpoint
from optimus_ops.rotation.providers.json_api import JsonApi
from optimus_ops.rotation.providers.openai import OpenAIProvider
from optimus_ops.rotation.providers.provider import Provider
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.rotation.rotators.provider_key import MintedKeyRotator
from optimus_ops.secrets.value import Secret

KEY, ROTATION = "OPENAI_API_KEYS", "rot-0123456789ab"
SECONDS = 0.4
BAD_REPLIES: tuple[Deed, ...] = ("lose", "break-after", "garbage", "slow", "drip")


@pytest.fixture
def provider() -> Iterator[ProviderState]:
    """Run a provider that has the keys of a pool, and others."""
    with provider_api() as state:
        for name in ("one", "two", "three"):
            state.add(name)
        state.add("of a person", person=True)
        yield state


@dataclass
class Rotation:
    """A rotation of one member of the pool, without its state machine."""

    state: ProviderState
    member: int = 1
    admin_key: str = ADMIN_KEY
    project: str = PROJECT
    model: str = "gpt-test"
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Take the pool as it is."""
        self.pool = self.state.values[:3]
        self.old = Secret(self.pool[self.member])
        base = f"{self.state.base}/v1"
        admin = JsonApi(base, Secret(self.admin_key), self.clock, SECONDS)
        endpoint = Endpoint(base, self.model, self.clock, SECONDS)
        self.provider = OpenAIProvider(admin, "OPENAI_ADMIN_KEY", self.project, endpoint)
        self.rotator = MintedKeyRotator(self.provider, self.values, self.clock)

    def values(self) -> dict[str, Secret]:
        """Return the file."""
        return {KEY: Secret(", ".join(self.pool))}

    def mint(self) -> ValuePair:
        """Mint a key."""
        new = self.rotator.mint(KEY, ROTATION, self.old)
        return ValuePair(KEY, ROTATION, self.old, new, self.member)


def named(state: ProviderState) -> list[str]:
    """Return the keys that were minted for the rotation."""
    return [key.value for key in state.keys if key.name == ROTATION]


def test_one_member_of_a_pool_is_replaced_and_the_old_key_revoked(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    rotator = rotation.rotator
    rotator.check(KEY, rotation.old)
    pair = rotation.mint()
    rotator.install(pair)
    assert rotator.probe(pair, pair.new) is rotator.probe(pair, pair.old) is Validity.VALID
    assert rotator.probe(pair, Secret(f"{pair.new.reveal()[:-1]}!")) is Validity.INVALID
    pools = [rotator.file_values(pair, current=current)[KEY].reveal().split(",") for current in (pair.old, pair.new)]
    assert pools == [rotation.pool, [rotation.pool[0], pair.new.reveal(), rotation.pool[2]]]
    rotator.disable(pair, pair.old)
    assert rotator.probe(pair, pair.old) is Validity.INVALID
    assert named(provider) == [pair.new.reveal()]
    assert len(provider.keys) == 4
    assert pair.old.reveal() not in provider.values


@pytest.mark.parametrize("deed", BAD_REPLIES)
def test_a_key_whose_reply_was_lost_is_revoked_and_another_minted(provider: ProviderState, deed: Deed) -> None:
    provider.faults.append(("POST /v1/organization", deed))
    pair = Rotation(provider).mint()
    assert named(provider) == [pair.new.reveal()]
    assert provider.calls.count(f"POST /v1/organization/projects/{PROJECT}/service_accounts") == 2


def test_replies_that_are_always_lost_leave_nothing(provider: ProviderState) -> None:
    provider.faults += [("POST /v1/organization", "lose")] * 5
    with pytest.raises(TargetFailed, match="no key could be minted"):
        Rotation(provider).mint()
    assert named(provider) == []


def test_a_run_that_was_killed_after_minting_mints_anew_and_a_discarded_one_leaves_nothing(
    provider: ProviderState,
) -> None:
    rotation = Rotation(provider)
    first, second = rotation.mint(), rotation.mint()
    assert named(provider) == [second.new.reveal()] != [first.new.reveal()]
    rotation.rotator.discard(KEY, ROTATION, rotation.old)
    assert named(provider) == []


def test_what_a_late_reply_made_beside_the_new_key_is_revoked(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    pair = rotation.mint()
    provider.add(ROTATION)
    rotation.rotator.install(pair)
    assert named(provider) == [pair.new.reveal()]
    provider.add(ROTATION)
    rotation.rotator.disable(pair, pair.new)
    rotation.rotator.disable(pair, pair.new)
    assert named(provider) == []
    assert rotation.old.reveal() in provider.values


@pytest.mark.parametrize("deed", ["throttle", "break", "lose", "slow"])
def test_calls_that_change_nothing_are_made_again(provider: ProviderState, deed: Deed) -> None:
    rotation = Rotation(provider)
    pair = rotation.mint()
    began = rotation.clock.now
    provider.faults += [("GET /v1/organization", deed), ("DELETE", deed)]
    rotation.rotator.disable(pair, pair.old)
    assert pair.old.reveal() not in provider.values
    # As `Retry-After` says, where it says something.
    assert rotation.clock.now - began == (6 if deed == "throttle" else 2)


def test_a_provider_that_throttles_for_good_is_an_error_and_nothing_is_minted(provider: ProviderState) -> None:
    provider.faults += [("/v1/organization", "throttle")] * 9
    with pytest.raises(TargetFailed, match="429 rate_limit_exceeded"):
        Rotation(provider).mint()
    assert named(provider) == []


@pytest.mark.parametrize("deed", ["throttle", "break", "lose", "slow", "redirect", "garbage", "drip"])
@pytest.mark.parametrize("call", ["GET /v1/models", "POST /v1/chat"])
def test_what_is_no_clear_answer_says_nothing_of_a_key(provider: ProviderState, call: str, deed: Deed) -> None:
    rotation = Rotation(provider)
    provider.faults += [(call, deed)] * 3
    assert rotation.provider.probe(rotation.old) is Validity.UNKNOWN


def test_a_key_goes_to_no_other_host(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    provider.faults += [("GET /v1/models", "redirect"), ("GET /v1/organization", "redirect")]
    assert rotation.provider.probe(rotation.old) is Validity.UNKNOWN
    with pytest.raises(TargetFailed, match="answered 307"):
        rotation.mint()
    assert provider.elsewhere == []
    for base in ("http://192.0.2.1/v1", "ftp://127.0.0.1", "//x", "https://"):
        with pytest.raises(Refused, match="over https only"):
            JsonApi(base, Secret("x"))


def test_a_provider_that_lies_is_found_out(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    provider.deaf = True
    pair = rotation.mint()
    rotation.rotator.disable(pair, pair.old)
    # Deleting was confirmed: what a call says counts.
    assert rotation.rotator.probe(pair, pair.old) is Validity.VALID
    provider.accepts_all = True
    assert rotation.rotator.probe(pair, Secret("never-a-key")) is Validity.VALID


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"admin_key": "sk-admin-wrong"}, "OPENAI_ADMIN_KEY is refused: 401 invalid_api_key"),
        ({"admin_key": "canary\u00e9"}, "a character that no header holds"),
        ({"project": "proj_other"}, "answered 404 project_not_found"),
        ({"model": "gpt-gone"}, "gpt-gone: 404 model_not_found"),
    ],
)
def test_what_cannot_be_rotated_is_refused_before_anything_happens(
    provider: ProviderState, changed: dict[str, str], message: str
) -> None:
    rotation = Rotation(provider, **changed)  # type: ignore[arg-type]  # texts alone
    with pytest.raises(Refused, match=message) as raised:
        rotation.rotator.check(KEY, rotation.old)
    assert not [call for call in provider.calls if call.startswith(("DELETE", "POST /v1/organization"))]
    for value in (ADMIN_KEY, "sk-admin-wrong", "canary", *provider.values):
        assert value not in str(raised.value)


@pytest.mark.parametrize("call", ["GET /v1/models", "POST /v1/chat", "GET /v1/organization"])
def test_what_fails_for_a_moment_keeps_no_rotation_from_beginning(provider: ProviderState, call: str) -> None:
    rotation = Rotation(provider)
    provider.faults += [(call, "throttle"), (call, "break")]
    rotation.rotator.check(KEY, rotation.old)
    provider.faults += [(call, "break")] * 3
    with pytest.raises(Refused, match="500 server_error"):
        rotation.rotator.check(KEY, rotation.old)


def test_a_key_that_is_not_the_projects_or_looks_like_another_is_refused(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    with pytest.raises(Refused, match="has no such key"):
        rotation.rotator.check(KEY, Secret("sk-svcacct-of-somebody-else"))
    double = provider.add("double")
    double.value = f"{double.value[:8]}-another-{rotation.old.reveal()[-4:]}"
    with pytest.raises(Refused, match="2 keys of the project proj_test look like"):
        rotation.rotator.check(KEY, rotation.old)


def test_a_key_of_a_person_and_one_of_two_keys_of_an_account_are_deleted_alone(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    person, shared = provider.keys[3], provider.keys[0]
    second = provider.add("second")
    del provider.accounts[second.account]
    second.account = shared.account
    rotation.provider.revoke(Secret(person.value))
    rotation.provider.revoke(Secret(shared.value))
    assert second.value in provider.values
    assert shared.account in provider.accounts
    assert {person.value, shared.value}.isdisjoint(provider.values)
    rotation.provider.revoke(Secret(shared.value))


def test_recent_use_of_the_old_key_is_told_by_the_providers_own_clock(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    pair = rotation.mint()
    assert rotation.rotator.old_uses(pair) == ""
    rotation.rotator.probe(pair, pair.old)
    provider.now += 12
    assert rotation.rotator.old_uses(pair) == "a call 12 s ago"
    provider.now += 60
    assert rotation.rotator.old_uses(pair) == ""


def test_a_pool_that_somebody_changed_meanwhile_is_not_written_over(provider: ProviderState) -> None:
    rotation = Rotation(provider)
    pair = rotation.mint()
    rotation.pool = [rotation.pool[2], "sk-added-by-hand", rotation.pool[1]]
    found = rotation.rotator.file_values(pair, current=pair.new)[KEY].reveal().split(",")
    assert found == [rotation.pool[0], "sk-added-by-hand", pair.new.reveal()]
    rotation.pool = ["sk-added-by-hand"]
    with pytest.raises(TargetFailed, match="was changed while it is rotated"):
        rotation.rotator.file_values(pair, current=pair.new)


class Disabling:
    """A provider that can disable keys, and disables what it is told to (or another one, where it lies)."""

    def __init__(self, provider: Provider, valid: set[str], wrong: str = "") -> None:
        self.real = provider
        self.valid = valid
        self.wrong = wrong
        self.disabled: set[str] = set()

    def probe(self, value: Secret) -> Validity:
        """Use a key."""
        taken = value.reveal() in self.valid - self.disabled
        return Validity.VALID if taken else Validity.INVALID

    def disable(self, value: Secret) -> bool:
        """Disable a key."""
        self.disabled.add(self.wrong or value.reveal())
        return True

    def enable(self, _value: Secret) -> None:
        """Enable it again."""
        self.disabled.clear()

    def revoke(self, value: Secret) -> None:
        """Revoke it."""
        self.valid.discard(value.reveal())

    def list_orphans(self, _name: str, _keep: Secret | None = None) -> list[str]:
        """Return nothing."""
        return []


@pytest.mark.parametrize("wrong", ["", "new"])
def test_a_key_that_can_be_disabled_is_revoked_only_if_that_was_the_right_one(
    provider: ProviderState, wrong: str
) -> None:
    pair = ValuePair(KEY, ROTATION, Secret("old"), Secret("new"))
    disabling = Disabling(Rotation(provider).provider, {"old", "new"}, wrong)
    rotator = MintedKeyRotator(disabling, dict, FakeClock())  # type: ignore[arg-type]  # what is called is there
    if wrong:
        with pytest.raises(TargetFailed, match="it was enabled again"):
            rotator.disable(pair, pair.old)
        assert (disabling.valid, disabling.disabled) == ({"old", "new"}, set())
    else:
        rotator.disable(pair, pair.old)
        assert disabling.valid == {"new"}


def test_a_host_that_does_not_answer_is_named(provider: ProviderState) -> None:
    found = JsonApi(f"{provider.base}/v1", Secret(ADMIN_KEY), FakeClock(), SECONDS)
    assert found.call("GET", f"/organization/projects/{PROJECT}/api_keys").status == 200
    closed = JsonApi("http://127.0.0.1:9/v1", Secret(ADMIN_KEY), FakeClock(), SECONDS)
    with pytest.raises(TargetFailed, match=r"127.0.0.1 doesn't answer \(ConnectionRefusedError\)"):
        closed.call("GET", "/models")
