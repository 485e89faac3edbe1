"""A change is judged by what it started, and by nothing that was there before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import replica, state

from optimus_ops.rollout.containers import ReplicaHealth


def test_what_is_new_or_did_not_run_before_is_the_change_s_own() -> None:
    health = ReplicaHealth(state(replica("ai", 1), replica("redis", status="exited")))
    assert not health.started_here(replica("ai", 1))
    assert health.started_here(replica("ai", 2))
    assert health.started_here(replica("redis"))


def test_what_was_frozen_and_goes_on_was_not_started_by_the_change() -> None:
    assert not ReplicaHealth(state(replica("ai", status="paused"))).started_here(replica("ai", health="unhealthy"))


@pytest.mark.parametrize(
    "facts",
    [{"status": "exited"}, {"status": "restarting"}, {"status": "dead"}, {"health": "unhealthy"}, {"restarts": 1}],
)
def test_what_will_not_get_healthy_by_waiting_has_failed(facts: dict[str, Any]) -> None:
    assert ReplicaHealth(state()).failed([replica("ai", **facts)])


@pytest.mark.parametrize(("before", "now", "since"), [(4, 4, 0), (4, 6, 2), (4, 1, 1), (0, 0, 0)])
def test_restarts_count_from_the_first_step(before: int, now: int, since: int) -> None:
    health = ReplicaHealth(state(replica("redis", status="restarting", restarts=before)))
    found = replica("redis", restarts=now)
    assert health.restarts(found) == since
    assert bool(health.failed([found])) is bool(since)


def test_no_answer_is_asked_of_what_was_there_and_is_not_well_or_has_served_all_the_time() -> None:
    health = ReplicaHealth(
        state(replica("ai", 1), replica("ai", 2, health="unhealthy"), replica("ai", 3, health="starting"))
    )
    now = [replica("ai", 1), replica("ai", 2, health="unhealthy"), replica("ai", 3), replica("ai", 4)]
    assert health.serving_before(now) == {"host-ai1"}
    assert health.unwell(now) == {"host-ai2"}


def test_what_the_change_started_is_never_excused() -> None:
    health = ReplicaHealth(state(replica("ai", 1)))
    assert health.unwell([replica("ai", 2, health="unhealthy")]) == frozenset()
