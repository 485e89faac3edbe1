"""`invoke secrets.rotate` on a running stack: a tenant's key is replaced under load, and no request is lost."""

from __future__ import annotations

import json
import signal

import pytest
from tests.integration.load import Load
from tests.integration.platform import Platform

pytestmark = pytest.mark.integration

KEY = "TENANT_ACME_API_KEY"
LONG = "3600"


def status_with(platform: Platform, key: str) -> int:
    """Return what ai-engine answers to whoever shows a key."""
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}
    status, _headers, _body = platform.request("/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})
    return int(status)


def rotations(platform: Platform) -> list[dict[str, object]]:
    """Return the rotations under way."""
    found: list[dict[str, object]] = platform.invoke("secrets.rotate", "--status", "--json").check().json["rotations"]
    return found


def test_a_tenants_key_is_rotated_under_load_killed_resumed_and_rolled_back(fresh: Platform) -> None:
    fresh.invoke("scale", "--ai-engine", "2").check()
    containers, old = fresh.containers(), fresh.secret(KEY)

    # Clients outside go on with the old key until the grace is over; services show each other the new one.
    with Load(fresh) as load:
        ran = fresh.invoke("secrets.rotate", KEY, "--yes", "--grace", LONG).check()
    load.assert_nothing_lost()
    new = fresh.secret(KEY)
    assert new != old
    assert f"{KEY} is in grace until" in ran.out
    assert old not in ran.text
    assert new not in ran.text
    assert [status_with(fresh, key) for key in (old, new, f"{new}x")] == [200, 200, 401]
    assert [row["phase"] for row in rotations(fresh)] == ["converged"]

    fresh.invoke("secrets.rotate", "--resume", "--grace", "0").check()
    assert [status_with(fresh, key) for key in (old, new)] == [401, 200]
    assert not rotations(fresh)
    # The services read their files again: nothing was replaced or restarted.
    assert fresh.containers() == containers

    with Load(fresh) as load:
        # In its fourth step it makes the new value the current one.
        killed = fresh.struck(signal.SIGKILL, 5, 0.0, "secrets.rotate", KEY, "--yes", "--grace", LONG)
        assert killed.code == -signal.SIGKILL
        (left,) = rotations(fresh)
        assert left["phase"] == "current"
        fresh.invoke("secrets.rotate", "--rollback").check()
    load.assert_nothing_lost()
    assert fresh.secret(KEY) == new
    assert [status_with(fresh, key) for key in (old, new)] == [401, 200]
    assert not rotations(fresh)
    kept = json.dumps([path.name for path in (fresh.folder / "state" / "rotations").glob("*")])
    assert kept == "[]"
