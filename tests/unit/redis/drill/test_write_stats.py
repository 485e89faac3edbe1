"""Counting what became of writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redis.drill.records import INJECTED_AT, any_writes, steady, write

from optimus_ops.redis.drill.record import WRITE_OUTCOMES, Write
from optimus_ops.redis.drill.write_stats import outage, per_slot, write_stats

counted = st.dictionaries(st.integers(0, 12).map(lambda number: f"w{number}"), st.integers(0, 3))


@given(any_writes(), counted)
def test_every_write_is_counted_once(writes: list[Write], present: dict[str, int]) -> None:
    found = write_stats(writes, present, master="one", injected_at=INJECTED_AT)

    assert sum(found.counts.values()) == len(writes)
    assert set(found.counts) == set(WRITE_OUTCOMES)


@given(any_writes(), counted)
def test_lost_is_acknowledged_and_not_there(writes: list[Write], present: dict[str, int]) -> None:
    found = write_stats(writes, present, master="one", injected_at=INJECTED_AT)

    acknowledged = {made.id for made in writes if made.outcome == "acknowledged"}
    there = {name for name, times in present.items() if times > 0}
    assert found.lost == len(acknowledged - there)


@given(any_writes(), counted)
def test_a_kept_write_more_takes_at_most_one_loss_away(writes: list[Write], present: dict[str, int]) -> None:
    before = write_stats(writes, present, master="one", injected_at=INJECTED_AT).lost

    after = write_stats(writes, {**present, "w0": 1}, master="one", injected_at=INJECTED_AT).lost

    assert before - 1 <= after <= before


@given(any_writes(), counted)
def test_writes_lost_after_the_fault_are_those_of_the_old_master(writes: list[Write], present: dict[str, int]) -> None:
    found = write_stats(writes, present, master="one", injected_at=INJECTED_AT)
    of_another = write_stats(writes, present, master="nobody", injected_at=INJECTED_AT)

    assert found.lost_after_fault <= found.lost
    assert of_another.lost_after_fault == 0
    assert (found.last_lost_after_fault is None) == (found.lost_after_fault == 0)
    assert found.last_lost_after_fault is None or found.last_lost_after_fault >= 0


@given(any_writes(), counted)
def test_a_rejected_write_that_is_there_is_told(writes: list[Write], present: dict[str, int]) -> None:
    found = write_stats(writes, present, master="one", injected_at=INJECTED_AT)

    assert found.false_rejections == sum(made.outcome == "rejected" and present.get(made.id, 0) > 0 for made in writes)


def test_what_is_there_twice_is_a_duplicate() -> None:
    writes = [write("a", 101.0), write("b", 101.0), write("c", 101.0, "indeterminate")]

    assert write_stats(writes, {"a": 1, "b": 2, "c": 3}, master="one", injected_at=INJECTED_AT).duplicates == 2


def test_an_outage_goes_from_the_last_acknowledgement_to_the_next() -> None:
    writes = [*steady(98.0, 99.9), write("x", 101.0, "rejected"), *steady(101.9, 105.0)]

    found = outage(writes, INJECTED_AT, 105.0)

    assert found is not None
    assert abs(found - 2.0) < 1e-6


def test_an_outage_that_did_not_end_lasts_to_the_end_of_the_run() -> None:
    found = outage(steady(98.0, 100.5), INJECTED_AT, 105.0)

    assert found is not None
    assert abs(found - 4.5) < 1e-6


def test_without_an_acknowledgement_after_the_fault_an_outage_has_no_length() -> None:
    assert outage(steady(98.0, 99.9), INJECTED_AT, 105.0) is None


@given(any_writes(), st.floats(100.0, 120.0))
def test_one_acknowledgement_more_never_makes_an_outage_longer(writes: list[Write], at: float) -> None:
    before = outage(writes, INJECTED_AT, 120.0)

    after = outage([*writes, write("more", at)], INJECTED_AT, 120.0)

    assert before is None or (after is not None and after <= before + 1e-9)


@given(any_writes())
def test_slots_hold_every_write_of_their_time(writes: list[Write]) -> None:
    slots = per_slot(writes, 95.0, 115.0)

    inside = [made for made in writes if 95.0 <= made.ended < 95.0 + len(slots) * 0.1 - 1e-6]
    assert abs(sum(good + bad for good, bad in slots) - len(inside)) <= 1
    assert sum(good for good, _bad in slots) <= sum(made.acknowledged for made in writes)
