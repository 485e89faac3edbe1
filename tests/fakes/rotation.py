"""A platform whose secrets are rotated: replicas that read their files when they like, and targets in memory."""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.fakes.clock import FakeClock
from tests.fakes.faults import Killed
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.execute import Rotations, carry_out
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.pools import with_current
from optimus_ops.rotation.records import RecordStore
from optimus_ops.rotation.requests import RotateRequest
from optimus_ops.rotation.rotator import Rotator, TargetFailed
from optimus_ops.secrets import commands, store
from optimus_ops.secrets.entry import secondary
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Progress

SCHEMA = """\
# Key of a tenant.
# @generate=token(32) @consumers=web,worker @required @max-age=365d @rotator=tenant-key
API_KEY=

# Password of a login.
# @generate=token(32) @consumers=web,worker @required @rotator=postgres-login
DB_PASSWORD=

# Keys of a provider.
# @type=keys @consumers=web @rotator=provider-key
PROVIDER_KEYS=

# Signs nothing.
# @generate=token(32) @consumers=web @required
OTHER=
"""
KEYS = ("API_KEY", "DB_PASSWORD", "PROVIDER_KEYS")
FIRST_PROVIDER_KEYS = "sk-first-0000,sk-second-0000"


@dataclass
class RotationTestClock(FakeClock):
    """Time that passes while somebody sleeps, a date that can be set, and a start of the machine."""

    date: float = 1_800_000_000.0
    start: str = "boot-1"

    def boot(self) -> str:
        return self.start

    def wall(self) -> float:
        return self.date + self.now


@dataclass
class FakeReplica:
    """One replica: what it has read of its service's files."""

    service: str
    folder: Path
    silent: bool = False
    values: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read its files again."""
        folder = self.folder / self.service
        self.values = {path.name: path.read_text("utf-8") for path in folder.iterdir() if not path.name.startswith(".")}

    def accepts(self, key: str) -> set[str]:
        """Return what it accepts of whoever sends."""
        return {self.values[key], *self.values.get(secondary(key), "").splitlines()}


@functools.cache
def checkout_with_secrets() -> tempfile.TemporaryDirectory[str]:
    """Return a folder, for as long as this process lasts, with a checkout to copy: its secrets take a while to make."""
    folder = tempfile.TemporaryDirectory()
    checkout = Checkout.make(Path(folder.name, "checkout"), SCHEMA)
    commands.init(ChangeOptions(json=False), checkout.root)
    text = checkout.secrets_file.read_text("utf-8")
    checkout.write_secrets(text.replace("PROVIDER_KEYS=", f"PROVIDER_KEYS={FIRST_PROVIDER_KEYS}"))
    commands.init(ChangeOptions(), checkout.root)
    return folder


@dataclass
class FakePlatform:
    """A checkout, its replicas, its targets, and a hook at each moment that a process could die in.

    Args:
        accepted: key -> values that its target accepts (of keys that services only send).
        minted: rotation -> values that the provider made under its name.
        answers: what a probe answers instead, in turn; None where it answers truly.
        die_at: number of the moment at which the process dies; 0 for none.
        fail_at: likewise, at which something fails.
        lose_reply: whether the provider's next mint is carried out, and its reply lost.
        uses: key -> what still uses its old value.
    """

    checkout: Checkout
    clock: RotationTestClock = field(default_factory=RotationTestClock)
    replicas: list[FakeReplica] = field(default_factory=list)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    minted: dict[str, list[str]] = field(default_factory=dict)
    answers: list[Validity] = field(default_factory=list)
    die_at: int = 0
    fail_at: int = 0
    failure: Callable[[], BaseException] = lambda: TargetFailed("the target went away")
    lose_reply: bool = False
    lies: bool = False
    uses: dict[str, str] = field(default_factory=dict)
    grace: float = 30.0
    moments: int = 0
    dead: bool = False
    made: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    @classmethod
    def open(cls, folder: Path) -> FakePlatform:
        """Return a platform that runs."""
        checkout = Checkout(folder / "checkout")
        shutil.copytree(Path(checkout_with_secrets().name, "checkout"), checkout.root)
        made = cls(checkout)
        made.replicas = [FakeReplica(name, checkout.secrets_dir) for name in ("web", "web", "worker")]
        for replica in made.replicas:
            replica.read()
        values = made.file()
        made.accepted = {
            "DB_PASSWORD": {values["DB_PASSWORD"]},
            "PROVIDER_KEYS": set(FIRST_PROVIDER_KEYS.split(",")),
        }
        return made

    # What happens

    def moment(self) -> None:
        """Let a replica read its files perhaps, check that all is served, and strike."""
        if self.dead:
            raise Killed
        for replica in self.replicas:
            if not replica.silent and self.chance.random() < 0.3:
                replica.read()
        self.assert_served()
        self.moments += 1
        if self.moments == self.die_at:
            self.dead = True
            raise Killed
        if self.moments == self.fail_at:
            raise self.failure()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Have each file that is written or removed be a moment before and one after it."""
        write, remove = store.write, store.remove

        def writing(*arguments: Any, **options: Any) -> None:
            self.moment()
            write(*arguments, **options)
            self.moment()

        def removing(*arguments: Any, **options: Any) -> None:
            self.moment()
            remove(*arguments, **options)
            self.moment()

        with patch.object(store, "write", writing), patch.object(store, "remove", removing):
            yield

    def rotate(self, *keys: str, plan: bool = False, **asked: Any) -> None:
        """Give the command, as a process of its own."""
        with self.watched():
            carry_out(RotateRequest(keys=keys, **{"yes": True, **asked}), ChangeOptions(plan=plan), self.rotations())

    def rotations(self, **changed: Any) -> Rotations:
        """Return what a process has of it."""
        root = self.checkout.root
        keys = KeyStore.open("", root)
        context = RotationContext(load_project(root), keys.paths, keys.entries, None, self.clock)
        return FakeRotations(
            context, keys, RecordStore(keys.state), FakeReplicas(self), self.clock, platform=self, **changed
        )

    def new_process(self) -> None:
        """Let what died be over."""
        self.dead, self.die_at, self.fail_at = False, 0, 0

    # What has to be

    def assert_served(self) -> None:
        """Check that what each client sends is accepted by whoever it reaches."""
        for client in self.replicas:
            for server in self.replicas:
                assert client.values["API_KEY"] in server.accepts("API_KEY"), "a request between replicas is refused"
            assert client.values["DB_PASSWORD"] in self.accepted["DB_PASSWORD"], "a login is refused"
            for sent in client.values.get("PROVIDER_KEYS", "").split(","):
                assert sent in self.accepted["PROVIDER_KEYS"] or not sent, "a provider's key is refused"

    def assert_settled(self) -> None:
        """Check that one value of each key is valid, and that file, services' files, replicas and target agree."""
        for replica in self.replicas:
            replica.read()
        self.assert_served()
        values = self.file()
        assert not [key for key in values if key.endswith("_SECONDARY")]
        for replica in self.replicas:
            assert replica.accepts("API_KEY") == {values["API_KEY"]}
            assert replica.values["DB_PASSWORD"] == values["DB_PASSWORD"]
        assert self.accepted["DB_PASSWORD"] == {values["DB_PASSWORD"]}
        assert self.accepted["PROVIDER_KEYS"] == set(values["PROVIDER_KEYS"].split(","))
        assert self.rotations().records.pending() == ()
        folder = self.checkout.root / ".optimus" / "rotations"
        assert not folder.is_dir() or not list(folder.iterdir())

    def file(self) -> dict[str, str]:
        """Return the file of secrets."""
        values = KeyStore.open("", self.checkout.root).values()
        return {key: value.reveal() for key, value in values.items()}


@dataclass(frozen=True)
class FakeRotations(Rotations):
    """Rotations whose targets are in memory."""

    platform: FakePlatform | None = None

    def rotator(self, key: str) -> Rotator:
        assert self.platform is not None
        kinds: Mapping[str, type[FakeRotator]] = {
            "API_KEY": VerifiedRotator,
            "DB_PASSWORD": LoginRotator,
            "PROVIDER_KEYS": ProviderRotator,
        }
        return kinds[key](self.platform)


@dataclass(frozen=True)
class FakeReplicas:
    """Replicas that read their files within a moment, unless they are silent; those are replaced once."""

    platform: FakePlatform

    def converge(self, values: Mapping[str, Secret], progress: Progress, *, trust_started: bool = False) -> None:
        self.platform.moment()
        for replica in self.platform.replicas:
            if not replica.silent:
                replica.read()
        self.platform.moment()
        if any(replica.silent for replica in self.platform.replicas) and not trust_started:
            raise OpsError("web-1 says nothing")
        progress.note = f"{len(values)} keys"


@dataclass
class FakeRotator:
    """A target; each call is a moment before and one after it."""

    platform: FakePlatform
    name: str = "fake"

    def check(self, key: str, old: Secret) -> None:
        """Take everything."""

    def mint(self, key: str, rotation: str, old: Secret) -> Secret:  # noqa: ARG002
        self.platform.moment()
        self.platform.made += 1
        return Secret(f"{'new' * 10}-{self.platform.made:04d}")

    def discard(self, key: str, rotation: str, old: Secret) -> None:  # noqa: ARG002
        self.platform.moment()

    def install(self, pair: ValuePair) -> None:  # noqa: ARG002
        self.platform.moment()

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        self.platform.moment()
        if self.platform.answers:
            return self.platform.answers.pop(0)
        if self.platform.lies:
            return Validity.VALID
        return self.truth(pair, value.reveal())

    def truth(self, pair: ValuePair, value: str) -> Validity:
        """Return what the target really says."""
        valid = value in self.platform.accepted[pair.key]
        return Validity.VALID if valid else Validity.INVALID

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        return {pair.key: current}

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        return self.file_values(pair, current=current)

    def old_uses(self, pair: ValuePair) -> str:
        self.platform.moment()
        return self.platform.uses.get(pair.key, "")

    def disable(self, pair: ValuePair, value: Secret) -> None:  # noqa: ARG002
        self.platform.moment()

    def grace_seconds(self, key: str) -> float:  # noqa: ARG002
        return self.platform.grace


class VerifiedRotator(FakeRotator):
    """A secret that services verify: the replicas are the target."""

    def truth(self, pair: ValuePair, value: str) -> Validity:
        # Services read again about once a second, whatever is asked.
        for replica in self.platform.replicas:
            if not replica.silent:
                replica.read()
        accepting = [value in replica.accepts(pair.key) for replica in self.platform.replicas]
        return Validity.VALID if all(accepting) else Validity.UNKNOWN if any(accepting) else Validity.INVALID

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        return {pair.key: current, secondary(pair.key): Secret(f"{pair.old.reveal()}\n{pair.new.reveal()}")}

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        return {pair.key: current, secondary(pair.key): Secret("")}


class LoginRotator(FakeRotator):
    """A login: its database accepts both passwords."""

    def install(self, pair: ValuePair) -> None:
        self.platform.moment()
        self.platform.accepted[pair.key].add(pair.new.reveal())
        self.platform.moment()

    def disable(self, pair: ValuePair, value: Secret) -> None:
        self.platform.moment()
        self.platform.accepted[pair.key].discard(value.reveal())
        self.platform.moment()


class ProviderRotator(LoginRotator):
    """Keys of a provider, which makes them under the name of the rotation."""

    def mint(self, key: str, rotation: str, old: Secret) -> Secret:
        self.discard(key, rotation, old)
        self.platform.made += 1
        made = f"sk-minted-{self.platform.made:04d}"
        self.platform.minted.setdefault(rotation, []).append(made)
        self.platform.accepted[key].add(made)
        self.platform.moment()
        if self.platform.lose_reply:
            self.platform.lose_reply = False
            raise TargetFailed("no answer came")
        return Secret(made)

    def discard(self, key: str, rotation: str, old: Secret) -> None:  # noqa: ARG002
        self.platform.moment()
        for orphan in self.platform.minted.pop(rotation, []):
            self.platform.accepted[key].discard(orphan)

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        now = Secret(self.platform.file()[pair.key])
        return with_current(pair, {pair.key: now}, current)
