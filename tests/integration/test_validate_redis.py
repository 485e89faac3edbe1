"""Checking, failing over, backing up and restoring the Redis of a stack: its Redis services alone, on a real engine."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import SECONDS, Platform, Ran, free_prefix, remove_everything

pytestmark = pytest.mark.integration

OVERLAYS = {"single": ("",), "sentinel": ("", "scale.", "sentinel.")}
SERVICES = {
    "single": ("redis", "redis-cache"),
    "sentinel": (
        *("redis", "redis-replica-1", "redis-replica-2", "redis-cache"),
        *("redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3"),
    ),
}
STATE = ("redis", "redis-replica-1", "redis-replica-2")


@dataclass(frozen=True)
class RedisStack:
    """The Redis services of a project."""

    platform: Platform
    kind: str

    @classmethod
    @contextmanager
    def running(cls, checkout: Path, folder: Path, kind: str, name: str) -> Iterator[RedisStack]:
        """Start them with plain Compose, and wait until they are healthy; nothing is left of them."""
        platform = Platform.fresh(folder, f"redis-{name}", checkout)
        # On a loaded machine servers stall for the half second after which sentinels usually take them for dead.
        made = cls(platform.having(REDIS_SUBNET_PREFIX=free_prefix(), REDIS_DOWN_AFTER_MS="2000"), kind)
        try:
            made.platform.invoke("secrets.init").check()
            made.platform.invoke("images.bases").check()
            made.up()
            yield made
        finally:
            remove_everything(made.platform.project)

    def up(self) -> None:
        """Start what does not run, and wait until all is healthy."""
        self.compose("up", "-d", "--wait", *SERVICES[self.kind])

    def compose(self, *words: str) -> None:
        """Run plain `docker compose` on the files of this kind."""
        files = [str(self.platform.root / "compose" / f"docker-compose.{name}yml") for name in OVERLAYS[self.kind]]
        subprocess.run(
            ["docker", "compose", *(part for file in files for part in ("-f", file)), *words],
            env={**self.platform.environ, "OPTIMUS_SECRETS_DIR": str(self.platform.folder / "state" / "secrets")},
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )

    def cli(self, service: str, *words: str) -> str:
        """Ask a server with its own client."""
        asked = ["docker", "exec", f"{self.platform.project}-{service}-1", "sh", "/etc/optimus/redis/cli.sh", *words]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def until_said(self, service: str, text: str) -> None:
        """Wait until a container's log has a text."""
        container = docker.from_env().containers.get(f"{self.platform.project}-{service}-1")
        ends_at = time.monotonic() + 60
        while text not in (said := container.logs().decode()):
            assert time.monotonic() < ends_at, said
            time.sleep(0.1)

    def keys(self, service: str) -> set[str]:
        """Return all keys of a server."""
        return set(self.cli(service, "KEYS", "*").split())

    def fill(self, *names: str) -> None:
        """Leave just these keys in the master."""
        self.cli(self.master(), "FLUSHALL")
        for name in names:
            self.cli(self.master(), "SET", name, "1")

    def master(self) -> str:
        """Return the server of state that is the master, as validate-redis tells it."""
        servers = self.validated()["servers"]
        [name] = [one["name"] for one in servers if one["role"] == "master" and one["purpose"] == "state"]
        return str(name)

    @contextmanager
    def address_taken_once(self, service: str, moment: str, *words: str) -> Iterator[Ran]:
        """Run `invoke`; when a line contains `moment`, another container takes the address of a stopped service."""
        engine = docker.from_env()
        network = f"{self.platform.project}_sentinel"
        old = engine.containers.get(f"{self.platform.project}-{service}-1")
        address = old.attrs["NetworkSettings"]["Networks"][network]["IPAMConfig"]["IPv4Address"]
        squatter = engine.containers.create(
            old.image.id, ["sleep", "600"], entrypoint="", name=f"{self.platform.project}-squatter"
        )
        try:
            engine.networks.get(network).connect(squatter, ipv4_address=address)
            yield self.platform.meanwhile(moment, lambda _process: squatter.start(), *words)
        finally:
            squatter.remove(force=True, v=True)

    def validated(self) -> dict[str, Any]:
        """Return the document of validate-redis."""
        document: dict[str, Any] = json.loads(self.platform.invoke("validate-redis", "--json").out)
        return document


@pytest.fixture(scope="module")
def single(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("single"), "single", "single") as started:
        yield started


@pytest.fixture(scope="module")
def sentinel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("sentinel"), "sentinel", "sentinel") as started:
        yield started


def failed(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(check["subject"], check["name"]) for check in document["checks"] if check["verdict"] == "failed"}


def test_a_single_stack_is_healthy(single: RedisStack) -> None:
    document = single.validated()
    assert not failed(document)
    assert {one["name"]: one["purpose"] for one in document["servers"]} == {"redis": "state", "redis-cache": "cache"}
    assert document["sentinels"] == []


def test_a_state_store_that_may_evict_fails_and_says_what_to_do(single: RedisStack) -> None:
    single.cli("redis", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    ran = single.platform.invoke("redis.validate")
    single.cli("redis", "CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert ran.code == 1, ran.text
    assert "redis policy" in ran.err
    assert "noeviction" in ran.out


def test_a_stopped_and_a_hanging_server_are_named(single: RedisStack) -> None:
    engine = docker.from_env().api
    cache = single.platform.containers()[f"{single.platform.project}-redis-cache-1"]
    engine.stop(cache)
    assert failed(single.validated()) == {("redis-cache", "ping")}
    engine.start(cache)
    engine.pause(cache)
    ran = single.platform.invoke("validate-redis")
    engine.unpause(cache)
    assert ran.code == 1
    assert "paused" in ran.out


def test_a_wrong_password_is_told_and_not_shown(single: RedisStack, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("word-canary\n")
    ran = single.platform.invoke("validate-redis", "--password-file", str(tmp_path / "password"))
    assert ran.code == 1
    assert "password" in ran.out
    assert "canary" not in ran.text


def test_a_stack_without_redis_says_so(fresh: Platform) -> None:
    ran = fresh.invoke("validate-redis")
    assert ran.code == 1
    assert "no Redis runs" in ran.err


def test_a_single_stack_has_nobody_to_fail_over_to(single: RedisStack) -> None:
    ran = single.platform.invoke("redis.failover")
    assert ran.code == 2
    assert "no sentinels" in ran.err


@pytest.mark.parametrize("flags", [(), ("--snapshot",)])
def test_a_backup_brings_back_what_there_was(single: RedisStack, tmp_path: Path, flags: tuple[str, ...]) -> None:
    single.fill("before", "kept")
    folder = tmp_path / "backup"
    single.platform.invoke("redis.backup", "--to", str(folder)).check()
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))} == {0}
    single.fill("after")
    assert single.platform.invoke("redis.restore", "--from", str(folder), "--plan").code == 0
    assert single.keys("redis") == {"after"}
    state = single.platform.invoke("redis.restore", "--from", str(folder), "--json", *flags).check().json["state"]
    assert state["keys"] == 2
    assert single.keys("redis") == {"before", "kept"}


def test_a_backup_never_overwrites(single: RedisStack, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    assert single.platform.invoke("redis.backup", "--to", str(tmp_path)).code == 2
    assert single.platform.invoke("redis.backup", "--to", str(tmp_path / "mine")).code == 2
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_damaged_backup_is_refused_before_anything_is_touched(single: RedisStack, tmp_path: Path) -> None:
    single.fill("here")
    folder = tmp_path / "backup"
    single.platform.invoke("redis.backup", "--to", str(folder)).check()
    [part] = folder.glob("appendonlydir/*.incr.aof")
    part.write_bytes(part.read_bytes().replace(b"here", b"HERE"))
    before = single.cli("redis", "INFO", "server")
    ran = single.platform.invoke("redis.restore", "--from", str(folder))
    assert ran.code == 2, ran.text
    assert part.name in ran.err
    assert run_id(before) == run_id(single.cli("redis", "INFO", "server"))
    assert single.keys("redis") == {"here"}


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        pytest.param("1. copy the append-only file", signal.SIGINT, 130, marks=pytest.mark.faults),
        pytest.param("✓ stop redis", signal.SIGTERM, 143, marks=pytest.mark.faults),
        pytest.param("✓ set the data of redis aside", signal.SIGINT, 130, marks=pytest.mark.faults),
        ("✓ put the backup in the place", signal.SIGTERM, 143),
    ],
)
def test_a_restore_that_is_interrupted_leaves_the_old_data_in_place(
    single: RedisStack, tmp_path: Path, moment: str, number: signal.Signals, code: int
) -> None:
    single.fill("old")
    folder = tmp_path / "backup"
    single.platform.invoke("redis.backup", "--to", str(folder)).check()
    single.fill("newer")
    before = files(single, "redis")
    ran = single.platform.interrupted(moment, number, "redis.restore", "--from", str(folder))
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text
    assert single.keys("redis") == {"newer"}
    assert files(single, "redis") == before


def test_a_group_is_healthy_and_each_part_is_named(sentinel: RedisStack) -> None:
    ran = sentinel.platform.invoke("validate-redis", "--try-rewrite", "--json").check()
    assert not failed(ran.json)
    assert {one["name"] for one in ran.json["servers"]} | {one["name"] for one in ran.json["sentinels"]} == set(
        SERVICES["sentinel"]
    )


def test_a_group_without_one_sentinel_and_one_replica_says_what_is_missing(sentinel: RedisStack) -> None:
    sentinel.compose("stop", "redis-sentinel-3", "redis-replica-2")
    found = failed(sentinel.validated())
    refused = sentinel.platform.invoke("redis.failover")
    sentinel.compose("up", "-d", "--wait", *SERVICES["sentinel"])
    assert {("redis-sentinel-3", "ping"), ("redis-replica-2", "ping")} <= found
    assert refused.code == 2, refused.text


def test_a_planned_fail_over_and_the_way_back(sentinel: RedisStack) -> None:
    settle(sentinel)
    sentinel.fill("kept")
    state = sentinel.platform.invoke("redis.failover", "--json").check().json["state"]
    assert state["master"] == sentinel.master() != "redis"
    assert state["lost_bytes"] == 0
    sentinel.platform.invoke("redis.failover", "--to", "redis").check()
    assert sentinel.master() == "redis"
    assert sentinel.keys("redis") == {"kept"}
    assert sentinel.platform.invoke("redis.failover", "--to", "redis", "--plan", "--detailed-exitcode").code == 0


def test_a_group_is_restored_as_a_whole(sentinel: RedisStack, tmp_path: Path) -> None:
    settle(sentinel)
    sentinel.fill("before")
    folder = tmp_path / "backup"
    sentinel.platform.invoke("redis.backup", "--to", str(folder)).check()
    sentinel.fill("after")
    sentinel.platform.invoke("redis.restore", "--from", str(folder)).check()
    for service in STATE:
        assert sentinel.keys(service) == {"before"}
    settle(sentinel)


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        pytest.param("✓ stop redis-sentinel-1", signal.SIGTERM, 143, marks=pytest.mark.faults),
        ("✓ start redis-sentinel-1", signal.SIGINT, 130),
    ],
)
def test_a_group_whose_restore_is_interrupted_has_its_old_data(
    sentinel: RedisStack, tmp_path: Path, moment: str, number: signal.Signals, code: int
) -> None:
    folder = backed_up_and_changed(sentinel, tmp_path / "backup")
    ran = sentinel.platform.interrupted(moment, number, "redis.restore", "--from", str(folder))
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text
    settle(sentinel)
    for service in STATE:
        assert sentinel.keys(service) == {"newer"}


def test_a_group_with_a_replica_that_does_not_start_again_has_its_old_data(
    sentinel: RedisStack, tmp_path: Path
) -> None:
    folder = backed_up_and_changed(sentinel, tmp_path / "backup")
    [lost, *_] = [service for service in STATE if service != sentinel.master()]
    with sentinel.address_taken_once(lost, "✓ stop redis-sentinel-1", "redis.restore", "--from", str(folder)) as ran:
        assert ran.code == 1, ran.text
        assert "Traceback" not in ran.text
        assert "Address already in use" in ran.text
        for service in STATE:
            if service != lost:
                assert sentinel.keys(service) == {"newer"}
    sentinel.compose("start", lost)
    settle(sentinel)
    assert sentinel.keys(lost) == {"newer"}


def test_a_switch_to_sentinels_and_back_keeps_the_data(checkout: Path, tmp_path: Path) -> None:
    with RedisStack.running(checkout, tmp_path, "single", "switch") as single:
        group = replace(single, kind="sentinel")
        single.fill("first")
        switched(single, group)
        for service in STATE:
            assert group.keys(service) == {"first"}
        group.platform.invoke("redis.failover").check()
        group.cli(group.master(), "SET", "second", "1")

        # The newest data is elsewhere now: the single server says so, and does not go on with what is old.
        group.platform.invoke("down").check()
        single.compose("up", "-d", "redis")
        single.until_said("redis", "refused: after a fail-over the newest data is with")

        switched(single, group)
        group.platform.invoke("redis.failover", "--to", "redis").check()
        switched(group, single)
        assert single.keys("redis") == {"first", "second"}


def switched(old: RedisStack, new: RedisStack) -> None:
    """Stop a stack and start it as the other kind."""
    old.platform.invoke("down").check()
    new.up()
    settle(new)


def backed_up_and_changed(stack: RedisStack, folder: Path) -> Path:
    """Leave a backup of the key `old` in a folder, and the key `newer` in the stack."""
    settle(stack)
    stack.fill("old")
    stack.platform.invoke("redis.backup", "--to", str(folder)).check()
    stack.fill("newer")
    return folder


def settle(stack: RedisStack) -> None:
    """Wait until sentinels have seen who is back, which takes some seconds."""
    ends_at = time.monotonic() + 60
    while found := failed(stack.validated()):
        assert time.monotonic() < ends_at, found
        time.sleep(1)


def files(stack: RedisStack, service: str) -> str:
    listed = ["docker", "exec", f"{stack.platform.project}-{service}-1", "ls", "-a", "/data"]
    return subprocess.run(listed, capture_output=True, text=True, timeout=60, check=True).stdout


def run_id(info: str) -> str:
    return next(line for line in info.splitlines() if line.startswith("run_id:"))
