"""Checking, failing over, backing up and restoring the Redis of a stack: its Redis services alone, on a real engine."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from tests.integration.platform import Platform
from tests.integration.redis_stack import SERVICES, STATE, RedisStack, backed_up_and_changed, failed, settle

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def single(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("single"), "single", "single") as started:
        yield started


@pytest.fixture(scope="module")
def sentinel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("sentinel"), "sentinel", "sentinel") as started:
        yield started


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
        # The same undo as where a replica does not start again, below.
        pytest.param("✓ start redis-sentinel-1", signal.SIGINT, 130, marks=pytest.mark.faults),
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


def files(stack: RedisStack, service: str) -> str:
    listed = ["docker", "exec", f"{stack.platform.project}-{service}-1", "ls", "-a", "/data"]
    return subprocess.run(listed, capture_output=True, text=True, timeout=60, check=True).stdout


def run_id(info: str) -> str:
    return next(line for line in info.splitlines() if line.startswith("run_id:"))
