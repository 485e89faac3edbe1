"""Changes of Redis that are killed in each of their steps: no data is lost, and the same command again ends well."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.redis_stack import STATE, RedisStack, backed_up_and_changed, settle

pytestmark = [pytest.mark.integration, pytest.mark.faults]

RESTORE = (
    *("redis-stage-backup", "redis-stop", "redis-set-aside", "redis-put-in-place", "redis-start"),
    "redis-verify-restore",
)
RESTORE_GROUP = (*RESTORE[:5], *RESTORE[4:])
BACKUP = ("redis-snapshot", "redis-copy-out", "redis-check-backup", "redis-seal-backup")
FAILOVER = ("redis-prefer", "redis-hand-over", "redis-verify-failover", "redis-forget-preference")
MIDST = {
    "redis-stage-backup": 0.3,
    "redis-stop": 0.3,
    "redis-start": 0.3,
    "redis-copy-out": 0.1,
    "redis-hand-over": 0.2,
}
"""Seconds into a step: it is in the midst of its work then."""


@pytest.fixture(scope="module")
def single(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("single"), "single", "killed-single") as started:
        yield started


@pytest.fixture(scope="module")
def sentinel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("sentinel"), "sentinel", "killed-group") as started:
        yield started


def each(steps: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test for each step, and where it begins and in its midst if it takes its time."""
    moments = [
        pytest.param(number, after, id=f"{number}-{name}-{after}")
        for number, name in enumerate(steps, 1)
        for after in sorted({0.0, MIDST.get(name, 0.0)})
    ]
    return pytest.mark.parametrize(("step", "after"), moments)


def kill(stack: RedisStack, step: int, after: float, *words: str) -> None:
    """Run `invoke`, which is killed some seconds into a step."""
    ran = stack.platform.struck(signal.SIGKILL, step, after, *words)
    assert ran.code == -signal.SIGKILL, ran.text


def planned(stack: RedisStack, *words: str) -> tuple[str, ...]:
    """Return the kinds of the steps of a plan."""
    return tuple(
        step["step"] for step in stack.platform.invoke(*words, "--plan", "--json").check().json["plan"]["steps"]
    )


def test_the_steps_are_those_of_the_plans(single: RedisStack, sentinel: RedisStack, tmp_path: Path) -> None:
    assert planned(single, "redis.backup", "--to", str(tmp_path / "planned")) == BACKUP
    for stack, steps in ((single, RESTORE), (sentinel, RESTORE_GROUP)):
        folder = backed_up_and_changed(stack, tmp_path / stack.kind)
        assert planned(stack, "redis.restore", "--from", str(folder)) == steps
    assert planned(sentinel, "redis.failover", "--to", other(sentinel)) == FAILOVER


@each(RESTORE)
def test_a_restore_after_a_killed_one_ends_what_was_begun(
    single: RedisStack, tmp_path: Path, step: int, after: float
) -> None:
    folder = backed_up_and_changed(single, tmp_path / "backup")
    kill(single, step, after, "redis.restore", "--from", str(folder))
    single.platform.invoke("redis.restore", "--from", str(folder)).check()
    assert single.keys("redis") == {"old"}
    settle(single)


@each(RESTORE_GROUP)
def test_a_restore_of_a_group_after_a_killed_one_ends_what_was_begun(
    sentinel: RedisStack, tmp_path: Path, step: int, after: float
) -> None:
    folder = backed_up_and_changed(sentinel, tmp_path / "backup")
    kill(sentinel, step, after, "redis.restore", "--from", str(folder))
    sentinel.platform.invoke("redis.restore", "--from", str(folder)).check()
    settle(sentinel)
    for service in STATE:
        assert sentinel.keys(service) == {"old"}


@each(BACKUP)
def test_a_killed_backup_is_taken_for_none_and_the_next_one_is_whole(
    single: RedisStack, tmp_path: Path, step: int, after: float
) -> None:
    single.fill("kept")
    half, whole = str(tmp_path / "half"), str(tmp_path / "whole")
    kill(single, step, after, "redis.backup", "--to", half)
    refused = single.platform.invoke("redis.restore", "--from", half)
    assert refused.code == 2, refused.text
    single.platform.invoke("redis.backup", "--to", whole).check()
    single.fill("newer")
    single.platform.invoke("redis.restore", "--from", whole).check()
    assert single.keys("redis") == {"kept"}


@each(FAILOVER)
def test_after_a_killed_failover_nothing_is_lost_and_the_next_one_ends_well(
    sentinel: RedisStack, step: int, after: float
) -> None:
    settle(sentinel)
    sentinel.fill("kept")
    wanted = other(sentinel)
    kill(sentinel, step, after, "redis.failover", "--to", wanted)
    settle(sentinel)
    sentinel.platform.invoke("redis.failover", "--to", wanted).check()
    settle(sentinel)
    assert sentinel.master() == wanted
    for service in STATE:
        assert sentinel.keys(service) == {"kept"}
        assert sentinel.cli(service, "CONFIG", "GET", "replica-priority").split()[-1] == "100"


def other(stack: RedisStack) -> str:
    """Return a server that is not the master."""
    master = stack.master()
    return next(service for service in STATE if service != master)
