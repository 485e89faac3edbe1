"""Rotations of Redis and PostgreSQL that are killed in each of their steps: they go on or back, to one valid value."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.platform import Platform, remove_everything
from tests.integration.redis_stack import SERVICES, RedisStack, settle
from tests.integration.test_rotated_stores import hashes, known

pytestmark = [pytest.mark.integration, pytest.mark.faults]

STEPS = 8
MIDST = 0.3
"""Seconds into a step: it is in the midst of its work then, or has just ended."""
COMMITTED = 7
"""The step from which on a rotation only goes forward."""


@pytest.fixture(scope="module")
def group(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisStack]:
    with RedisStack.running(checkout, tmp_path_factory.mktemp("group"), "sentinel", "killed-rotation") as started:
        yield started


@pytest.fixture(scope="module")
def served(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform.fresh(tmp_path_factory.mktemp("served"), "killed-login", checkout)
    try:
        made.invoke("scale", "--ai-engine", "1").check()
        yield made
    finally:
        remove_everything(made.project)


def each_kill() -> pytest.MarkDecorator:
    """Run a test for each step, where it begins and in its midst, and for both ways on."""
    return pytest.mark.parametrize(
        ("step", "after", "way"),
        [
            pytest.param(step, after, way, id=f"{step}-{after}-{way}")
            for step in range(1, STEPS + 1)
            for after in (0.0, MIDST)
            for way in ("--resume", "--rollback")
        ],
    )


def kill_and_go(platform: Platform, key: str, step: int, after: float, way: str) -> bool:
    """Kill a rotation, then end it; return whether the new value is the one that is left."""
    old = platform.secret(key)
    killed = platform.struck(signal.SIGKILL, step, after, "secrets.rotate", key, "--yes", "--grace", "1")
    assert killed.code in {-signal.SIGKILL, 0}, killed.text
    if platform.invoke("secrets.rotate", "--status", "--json").check().json["rotations"]:
        ended = platform.invoke("secrets.rotate", way, "--yes", "--grace", "1")
        if way == "--rollback" and step >= COMMITTED and ended.code == 2:
            # It only goes forward from there, and says so.
            ended = platform.invoke("secrets.rotate", "--resume", "--yes")
        ended.check()
    assert platform.invoke("secrets.rotate", "--status", "--json").check().json["rotations"] == []
    return platform.secret(key) != old


@each_kill()
def test_a_killed_rotation_of_redis_leaves_one_password(group: RedisStack, step: int, after: float, way: str) -> None:
    before = known(group, "REDIS_PASSWORD")
    changed = kill_and_go(group.platform, "REDIS_PASSWORD", step, after, way)
    assert (known(group, "REDIS_PASSWORD") != before) == changed
    for service in SERVICES["sentinel"]:
        user = "default" if service == "redis-cache" else "services"
        assert hashes(group, service, user) == known(group, "REDIS_PASSWORD")
    settle(group)


@each_kill()
def test_a_killed_rotation_of_a_login_leaves_one_user(served: Platform, step: int, after: float, way: str) -> None:
    kill_and_go(served, "MEMORY_DB_PASSWORD", step, after, way)
    named, colon, _password = served.secret("MEMORY_DB_PASSWORD").partition(":")
    query = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'memory%'"
    asked = served.compose("exec", "-T", "postgres", "psql", "-U", "optimus", "-Atc", query).check()
    assert asked.out.split() == [named if colon else "memory_engine"]
    headers = {"Authorization": f"Bearer {served.secret('TENANT_ACME_API_KEY')}", "X-Recall": "true"}
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}
    status, answered, _body = served.request("/v1/chat/completions", body, headers)
    assert (status, answered["X-Recall"]) == (200, "empty")
