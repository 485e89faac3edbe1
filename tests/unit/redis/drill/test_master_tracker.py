"""Where writers believe the master to be."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.redis.drill.master_tracker import Whereabouts

answers = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(0, 5)))


@given(answers)
def test_the_answer_with_the_highest_epoch_is_believed(told: list[tuple[str, int]]) -> None:
    where = Whereabouts("one")

    for master, epoch in told:
        where.told(master, epoch)

    highest = max((epoch for _master, epoch in told), default=-1)
    first = next((master for master, epoch in told if epoch == highest), "one")
    assert where.master == first


def test_a_sentinel_that_missed_the_election_does_not_take_a_switch_back() -> None:
    where = Whereabouts("one")
    where.told("one", 4)
    where.heard("two")

    where.told("one", 4)

    assert where.master == "two"


def test_who_waits_for_the_old_master_is_told_of_the_switch() -> None:
    async def wait() -> tuple[bool, bool, bool]:
        where = Whereabouts("one")
        left = where.left("one")
        before = left.done()
        where.heard("two")
        return before, left.done(), where.left("one").done()

    assert asyncio.run(wait()) == (False, True, True)


def test_who_waits_for_the_new_master_goes_on_waiting() -> None:
    async def wait() -> bool:
        where = Whereabouts("one")
        where.heard("two")
        return where.left("two").done()

    assert asyncio.run(wait()) is False
