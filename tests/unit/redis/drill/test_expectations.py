"""The verdicts on a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.redis.drill.records import (
    CHAT,
    NEAR,
    PLAIN,
    WAITING,
    event,
    failover,
    recording,
    roles,
    steady,
    write,
)

from optimus_ops.redis.drill.faults import (
    CONTROL,
    EMPTY,
    FAULTS,
    KILL,
    PARTITION,
    PAUSE_SHORT,
    PLANNED,
    SENTINELS,
    Fault,
)
from optimus_ops.redis.drill.record import Fact, Recording, Write, WriteKind
from optimus_ops.redis.drill.run_result import run_result

MAX_LAG = 2.0


def load(*kinds: WriteKind) -> list[Write]:
    """Return writes of some kinds around a fail-over."""
    return [
        made
        for kind in kinds
        for made in [*steady(98.0, 99.9, kind=kind), *steady(101.9, 106.0, kind=kind, node="two")]
    ]


def unmet(fault: Fault, run: Recording, max_lag: float | None = MAX_LAG) -> list[str]:
    return [expected.name for expected in run_result(replace(run, fault=fault), max_lag).unmet]


def test_a_failover_as_it_should_be_is_as_expected() -> None:
    assert unmet(KILL, recording(load(PLAIN, WAITING))) == []


def test_the_outage_of_each_kind_that_follows_is_measured() -> None:
    run = recording(load(PLAIN, WAITING, NEAR), kinds=(PLAIN, WAITING, NEAR))

    found = run_result(run, MAX_LAG).outages

    assert found == {"plain": pytest.approx(2.0), "wait": pytest.approx(2.0)}


def test_a_lost_write_that_was_waited_for_is_never_as_expected() -> None:
    run = recording(load(PLAIN, WAITING), lost=["wait-99.5"])

    assert all("no acknowledged WAIT write lost" in unmet(fault, run) for fault in FAULTS)


def test_a_turn_that_a_service_lost_counts_as_one_that_was_waited_for() -> None:
    run = recording(load(PLAIN, CHAT), lost=["chat-99.5"], kinds=(PLAIN, CHAT))

    assert unmet(KILL, run) == ["no acknowledged WAIT write lost"]


def test_a_plain_write_may_be_lost_within_the_bound() -> None:
    late = write("late", 103.9, node="one")

    assert unmet(PARTITION, recording([*load(PLAIN), late], lost=["late"])) == []


def test_a_plain_write_must_not_be_lost_later_than_that() -> None:
    late = write("late", 104.2, node="one")

    assert unmet(PARTITION, recording([*load(PLAIN), late], lost=["late"])) == ["losses end within 4 s"]


def test_a_planned_failover_loses_nothing() -> None:
    run = recording(load(PLAIN), lost=["plain-99.5"])

    assert unmet(PLANNED, run) == ["no acknowledged plain write lost"]


def test_a_control_without_loss_says_that_the_drill_sees_none() -> None:
    found = run_result(recording(load(PLAIN, WAITING), fault=CONTROL), MAX_LAG)

    [missing] = found.unmet
    assert "can't see losses" in missing.found


def test_a_control_with_loss_is_as_expected() -> None:
    assert unmet(CONTROL, recording(load(PLAIN), lost=["plain-99.5"])) == []


def test_a_second_election_is_not_as_expected() -> None:
    events = [*failover(epoch=2), event(4.0, "s2", "+new-epoch", "3")]

    assert unmet(KILL, recording(load(PLAIN), events=events)) == ["elections: 1"]


def test_an_election_that_nobody_may_hold_is_told_from_one_after_the_healing() -> None:
    broken = recording(load(PLAIN), events=failover())
    healed = recording(load(PLAIN), events=failover(after=4.0), seen=roles())

    assert unmet(SENTINELS, broken) == ["no election while broken"]
    assert unmet(SENTINELS, healed) == []


def test_an_election_before_the_fault_spoils_the_run() -> None:
    events = [event(-1.0, "s1", "+try-failover"), *failover()]

    assert unmet(KILL, recording(load(PLAIN), events=events)) == ["no election before the fault"]


def test_a_short_pause_leaves_the_master() -> None:
    moved = recording(load(PLAIN))
    stayed = recording(steady(98.0, 106.0), events=[], seen=roles()[:3])

    assert {"elections: 0", "the same master"} <= set(unmet(PAUSE_SHORT, moved))
    assert unmet(PAUSE_SHORT, stayed) == []


def test_redundancy_that_does_not_come_back_is_told() -> None:
    assert "redundancy restored" in unmet(KILL, recording(load(PLAIN), seen=roles()[:-1]))


def test_a_failed_request_is_told_where_none_may_fail() -> None:
    failed = write("failed", 101.0, "indeterminate", kind=CHAT, node="", error="HTTP 503")
    run = recording([*load(PLAIN, CHAT), failed], kinds=(PLAIN, CHAT))

    assert unmet(KILL, run) == ["no failed request"]
    assert unmet(PARTITION, run) == []


def test_a_message_answered_twice_is_told() -> None:
    writes = load(PLAIN, CHAT)
    present = {made.id: 2 if made.id == "chat-99.5" else 1 for made in writes}

    assert unmet(KILL, recording(writes, kinds=(PLAIN, CHAT), present=present)) == ["no message answered twice"]


def test_what_a_fault_has_to_show_is_looked_for() -> None:
    proven = {"was never an empty master": Fact(holds=True)}
    disproven = {"was never an empty master": Fact(holds=False)}

    assert unmet(EMPTY, recording(load(PLAIN), facts=proven)) == []
    assert unmet(EMPTY, recording(load(PLAIN), facts=disproven)) == ["was never an empty master"]
    assert unmet(EMPTY, recording(load(PLAIN))) == ["was never an empty master"]


def test_a_rejected_write_that_was_kept_says_that_the_drill_is_wrong() -> None:
    rejected = write("rejected", 101.0, "rejected", error="READONLY")
    run = recording([*load(PLAIN), rejected])
    wrong = replace(run, present={**run.present, "rejected": 1})

    assert unmet(KILL, wrong) == ["no rejected write kept"]
