"""When sentinels did what, out of their events."""

from __future__ import annotations

import pytest
from tests.unit.redis.drill.records import HOSTS, INJECTED_AT, event, failover, recording, roles

from optimus_ops.redis.drill.failover_timeline import election_allowed_at, failover_timeline, restored_at
from optimus_ops.redis.drill.record import RoleChange


def test_the_stages_of_a_failover_count_from_the_fault() -> None:
    found = failover_timeline(recording())

    down = [found.first_down, found.quorum_down, found.agreed_down]
    decided = [found.election, found.elected, found.promoted, found.first_switch, found.last_switch]
    assert down == pytest.approx([0.5, 0.55, 0.6])
    assert decided == pytest.approx([0.6, 0.7, 1.0, 1.7, 2.7])
    assert (found.switches, found.new_master) == (3, "two")


def test_a_stage_that_did_not_happen_has_no_time() -> None:
    found = failover_timeline(recording(events=[], seen=roles()[:3]))

    assert (found.first_down, found.election, found.promoted, found.first_switch) == (None,) * 4
    assert (found.elections, found.failovers, found.new_master) == (0, 0, "")


def test_a_replica_that_is_taken_for_dead_is_not_the_master() -> None:
    replica = event(0.1, "s1", "+sdown", "slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379")

    assert failover_timeline(recording(events=[replica])).first_down is None


def test_the_same_sentinel_twice_is_no_quorum() -> None:
    events = [event(0.5, "s1", "+sdown"), event(0.9, "s1", "+sdown")]

    assert failover_timeline(recording(events=events)).quorum_down is None


def test_two_candidates_of_an_epoch_stand_in_one_election() -> None:
    events = [*failover("s1"), event(0.61, "s3", "+new-epoch", "2"), event(0.61, "s3", "+try-failover")]

    found = failover_timeline(recording(events=events))

    assert (found.elections, found.candidates) == (1, 2)


def test_a_second_attempt_is_a_second_election() -> None:
    found = failover_timeline(recording(events=[*failover(epoch=2), *failover("s2", epoch=3, after=4.0)]))

    assert found.elections == 2


def test_elections_before_the_fault_and_after_the_healing_are_told_apart() -> None:
    early, late = failover(epoch=1, after=-5.0), failover(epoch=3, after=4.0)

    found = failover_timeline(recording(events=[*early, *late]))

    assert (found.elections, found.elections_broken) == (1, 0)


def test_redundancy_counts_from_the_healing() -> None:
    assert failover_timeline(recording()).restored == pytest.approx(2.0)


def test_redundancy_that_was_lost_again_is_not_restored() -> None:
    lost = [*roles(), RoleChange(105.5, "three", "")]

    assert restored_at(lost, HOSTS, 2, INJECTED_AT) is None


def test_a_replica_of_another_server_is_no_redundancy() -> None:
    elsewhere = [*roles(), RoleChange(105.5, "three", "replica", "10.0.0.1", linked=True)]

    assert restored_at(elsewhere, HOSTS, 2, INJECTED_AT) is None


def test_two_masters_are_no_redundancy() -> None:
    assert restored_at([*roles(), RoleChange(105.5, "one", "master")], HOSTS, 1, INJECTED_AT) is None


def test_sentinels_begin_again_at_once_after_a_failover_that_was_done() -> None:
    assert election_allowed_at(failover(), 6.0) == 0.0


def test_sentinels_wait_after_an_election_without_a_result() -> None:
    events = [published for published in failover() if published.channel != "+switch-master"]

    assert election_allowed_at(events, 6.0) == pytest.approx(INJECTED_AT + 0.6 + 13.0)
