"""Where writers believe the master to be."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.redis.drill.observers import MasterTracker

answers = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(0, 5)))


@given(answers)
def test_the_answer_with_the_highest_epoch_is_believed(answers: list[tuple[str, int]]) -> None:
    tracker = MasterTracker("one")

    for master, epoch in answers:
        tracker.on_answer(master, epoch)

    highest = max((epoch for _master, epoch in answers), default=-1)
    first = next((master for master, epoch in answers if epoch == highest), "one")
    assert tracker.master == first


def test_a_sentinel_that_missed_the_election_does_not_take_a_switch_back() -> None:
    tracker = MasterTracker("one")
    tracker.on_answer("one", 4)
    tracker.on_switch("two")

    tracker.on_answer("one", 4)

    assert tracker.master == "two"


def test_a_switch_ends_the_wait_for_the_old_master() -> None:
    async def wait() -> tuple[bool, bool, bool]:
        tracker = MasterTracker("one")
        replaced = tracker.replaced("one")
        before = replaced.done()
        tracker.on_switch("two")
        return before, replaced.done(), tracker.replaced("one").done()

    assert asyncio.run(wait()) == (False, True, True)


def test_a_switch_does_not_end_the_wait_for_the_new_master() -> None:
    async def wait() -> bool:
        tracker = MasterTracker("one")
        tracker.on_switch("two")
        return tracker.replaced("two").done()

    assert asyncio.run(wait()) is False
