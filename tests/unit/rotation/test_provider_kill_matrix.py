"""Keys of a provider over real HTTP, through the whole state machine: killed or failed at every call, and lied to.

A fourth of the calls is tried, another one for each way; with `nox -s properties` each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.faults import Killed
from tests.fakes.provider_api import ADMIN_KEY, PROJECT, Deed, ProviderState, provider_api
from tests.fakes.rotation import FakePlatform, FakeReplicas, FakeRotations
from tests.fakes.shop import memory_folder
from tests.support.thorough import some

from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.model import Phase
from optimus_ops.rotation.providers.endpoint import Endpoint
from optimus_ops.rotation.providers.json_api import Answer, JsonApi
from optimus_ops.rotation.providers.openai import OpenAIProvider
from optimus_ops.rotation.records import RecordStore
from optimus_ops.rotation.rotator import Rotator
from optimus_ops.rotation.rotators.assisted import AssistedRotator
from optimus_ops.rotation.rotators.provider_key import MintedKeyRotator
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.value import Secret

KEY = "PROVIDER_KEYS"


@dataclass
class ProviderPlatform(FakePlatform):
    """A platform whose provider is a server."""

    provider: ProviderState = field(default_factory=ProviderState)
    assisted: Callable[[Callable[[], Mapping[str, Secret]]], Rotator] | None = None

    @classmethod
    def with_provider(cls, folder: Path, provider: ProviderState) -> ProviderPlatform:
        """Return a platform that uses three keys of a provider, which also has one of somebody else."""
        made = cls.open(folder)
        assert isinstance(made, ProviderPlatform)
        provider.__dict__.update(ProviderState(base=provider.base, page=100).__dict__)
        keys = [provider.add(name).value for name in ("one", "two", "three")]
        provider.add("of somebody else", person=True)
        made.provider = provider
        text = made.checkout.secrets_file.read_text("utf-8")
        made.checkout.write_secrets(text.replace("sk-first-0000,sk-second-0000", ",".join(keys)))
        made.accepted[KEY] = set(keys)
        for path in made.checkout.secrets_dir.glob(f"*/{KEY}"):
            path.write_text(",".join(keys))
        for replica in made.replicas:
            replica.read()
        return made

    def rotations(self, **changed: Any) -> ProviderRotations:
        """Return what a process has of it."""
        root = self.checkout.root
        keys = KeyStore.open("", root)
        context = RotationContext(load_project(root), keys.paths, keys.entries, None, self.clock)
        return ProviderRotations(
            context, keys, RecordStore(keys.state), FakeReplicas(self), self.clock, platform=self, **changed
        )

    def assert_served(self) -> None:
        """Check that no replica uses a key that is refused."""
        self.accepted[KEY] = set(self.provider.values)
        super().assert_served()

    def assert_settled(self) -> None:
        """Check that the provider has the keys of the pool, that of somebody else, and no other one."""
        somebody = {key.value for key in self.provider.keys if not key.account}
        assert len(somebody) == 1
        assert set(self.provider.values) - somebody == set(self.file()[KEY].split(","))
        assert len(self.provider.accounts) == len(self.provider.keys) - 1
        self.provider.keys = [key for key in self.provider.keys if key.account]
        super().assert_settled()

    def calls(self, base: str, key: str) -> JsonApi:
        """Return an API each call of which is a moment before and one after it."""
        return Momentous(base, Secret(key), self.clock, 5.0, platform=self)


@dataclass(frozen=True)
class Momentous(JsonApi):
    """Calls in whose midst a process can die."""

    platform: FakePlatform | None = field(default=None, repr=False)

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        assert isinstance(self.platform, ProviderPlatform)
        self.platform.moment()
        self.platform.provider.now = 1.8e9 + self.platform.clock.now
        answer = super()._once(method, path, body)
        self.platform.moment()
        return answer


@dataclass(frozen=True)
class ProviderRotations(FakeRotations):
    """Rotations whose provider is a server."""

    def rotator(self, key: str) -> Rotator:
        """Return what rotates a key."""
        platform = self.platform
        if key != KEY or not isinstance(platform, ProviderPlatform):
            return super().rotator(key)
        if platform.assisted is not None:
            return platform.assisted(self.context.values)
        base = f"{platform.provider.base}/v1"
        endpoint = Endpoint(base, "gpt-test", platform.clock)
        provider = OpenAIProvider(platform.calls(base, ADMIN_KEY), "PROVIDER_ADMIN_KEY", PROJECT, endpoint)
        return MintedKeyRotator(provider, self.context.values, platform.clock)


def nobody(_one_line: bool) -> Secret:
    """Give nothing: standard input is not asked."""
    return Secret("")


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderState]:
    """Run the provider."""
    with provider_api() as state:
        yield state


@pytest.fixture
def platform(provider: ProviderState) -> Iterator[ProviderPlatform]:
    """Return a platform that runs."""
    with memory_folder() as folder:
        yield ProviderPlatform.with_provider(folder, provider)


def test_a_pool_is_rotated_member_by_member_and_no_key_is_shown_or_left(
    platform: ProviderPlatform, capfd: pytest.CaptureFixture[str]
) -> None:
    before = platform.file()[KEY].split(",")
    platform.rotate(KEY)
    after = platform.file()[KEY].split(",")
    assert len(after) == len(before) == len({*after, *before}) / 2
    platform.assert_settled()
    output = "".join(capfd.readouterr())
    holders = set()
    for value in (ADMIN_KEY, *before, *after):
        assert value not in output
        found = [path for path in platform.checkout.root.rglob("*") if path.is_file()]
        holders |= {path.parent.name for path in found if value.encode() in path.read_bytes()}
    # The file, what it was before, and what the service reads.
    assert {"checkout", "web"} <= holders <= {"checkout", "secret-versions", "web"}


def test_a_value_is_rotated_by_asking_somebody(platform: ProviderPlatform) -> None:
    old, new = platform.provider.values[0], platform.provider.add("by hand").value
    asked = []

    def operator(prompt: str) -> Secret:
        asked.append(prompt)
        if "Revoke" in prompt:
            platform.provider.keys = [key for key in platform.provider.keys if key.value != old]
            del platform.provider.accounts[
                next(id_ for id_, name in platform.provider.accounts.items() if name == "one")
            ]
            return Secret("yes")
        return Secret(new)

    base = f"{platform.provider.base}/v1"
    endpoint = Endpoint(base, "gpt-test", platform.clock)
    platform.assisted = lambda values: AssistedRotator(
        platform.rotations().keys.entries, values, lambda _key: lambda value: endpoint.probe(value)[0], operator, nobody
    )
    platform.rotate(KEY, member=1)
    assert platform.file()[KEY].split(",")[0] == new
    assert len(asked) == 2
    platform.assert_settled()


def test_wherever_it_is_killed_the_provider_has_one_key_of_each_member(provider: ProviderState) -> None:
    with memory_folder() as folder:
        whole = ProviderPlatform.with_provider(folder, provider)
        whole.rotate(KEY, member=2)
        moments = whole.moments
    phases: set[Phase] = set()
    numbers = range(1, moments + 1)
    for way, number in [
        (way, number) for share, way in enumerate(("resume", "rollback")) for number in some(numbers, 4, 2 * share)
    ]:
        with memory_folder() as folder:
            platform = ProviderPlatform.with_provider(folder, provider)
            platform.die_at = number
            with pytest.raises(Killed):
                platform.rotate(KEY, member=2)
            platform.new_process()
            left = platform.rotations().records.pending()
            phases.update(record.phase for record in left)
            if way == "rollback" and any(record.committed for record in left):
                with pytest.raises(Refused, match="its old value is being disabled"):
                    platform.rotate(rollback=True)
                platform.rotate(resume=True)
            else:
                platform.rotate(**{way: True})
            platform.assert_settled()
    assert phases >= set(Phase) - {Phase.FINISHED, Phase.ROLLED_BACK}


def test_a_call_that_fails_anywhere_leads_back_or_can_be_gone_on_with(provider: ProviderState) -> None:
    for number in some(range(1, 1000), 4, 1):
        with memory_folder() as folder:
            platform = ProviderPlatform.with_provider(folder, provider)
            platform.fail_at = number
            try:
                platform.rotate(KEY, member=3)
            except OpsError:
                left = platform.rotations().records.pending()
                assert not left or left[0].committed
            platform.new_process()
            platform.rotate(resume=True)
            platform.assert_settled()
            if platform.moments < number:
                break
    assert number > 50


@pytest.mark.parametrize("deed", ["lose", "break-after", "garbage", "throttle", "break"])
@pytest.mark.parametrize("times", [1, 9])
def test_a_provider_that_fails_costs_a_try_or_the_rotation_and_no_key(
    platform: ProviderPlatform, deed: Deed, times: int
) -> None:
    before = platform.file()
    platform.provider.faults += [("POST /v1/organization", deed)] * times
    if times == 1:
        platform.rotate(KEY, member=2)
        assert platform.file()[KEY] != before[KEY]
    else:
        with pytest.raises(OpsError):
            platform.rotate(KEY, member=2)
        assert platform.file() == before
    platform.provider.faults.clear()
    platform.assert_settled()


def test_a_new_key_that_is_not_known_everywhere_at_once_is_tried_again(platform: ProviderPlatform) -> None:
    before = platform.file()
    platform.provider.delay = 5
    platform.rotate(KEY, member=1)
    assert platform.file() != before
    platform.assert_settled()


def test_a_provider_that_takes_any_key_is_found_out_and_nothing_is_revoked(platform: ProviderPlatform) -> None:
    before = platform.file()
    platform.provider.accepts_all = True
    with pytest.raises(OpsError, match="takes a corrupted value for a valid one"):
        platform.rotate(KEY, member=1)
    platform.provider.accepts_all = False
    platform.new_process()
    platform.rotate(rollback=True)
    assert platform.file() == before
    platform.assert_settled()


def test_a_provider_that_only_says_that_it_revokes_leaves_the_rotation_open(platform: ProviderPlatform) -> None:
    platform.provider.deaf = True
    with pytest.raises(OpsError, match="the old value should be invalid"):
        platform.rotate(KEY, member=1)
    assert platform.rotations().records.pending()[0].phase is Phase.GRACE
    platform.provider.deaf = False
    platform.new_process()
    platform.rotate(resume=True)
    platform.assert_settled()
