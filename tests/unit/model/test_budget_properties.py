"""What holds for every stack and host: what is advised fits, and one more does not."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.model.budget_stacks import MEBI, pooled, refusal, reserving, service
from tests.unit.stacks import stack, with_environment

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    Capacity,
)
from optimus_ops.model.budgets import Limits, check_budgets
from optimus_ops.model.pool_sizing import fit_pool
from optimus_ops.model.stack import Stack

SIZES = st.integers(0, 60)
COUNTS = st.integers(0, 40)
POOLS = st.tuples(SIZES, SIZES, st.integers(1, 4))
RESERVATIONS = st.tuples(st.integers(0, 300).map(lambda cents: cents / 100), st.integers(0, 600))


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    made = {
        name: service(name, environment=pooled(*draw(POOLS)), deploy=reserving(*draw(RESERVATIONS)))
        for name in ("memory", "ai")
    }
    return stack(**made)


CAPACITIES = st.builds(
    Capacity,
    max_connections=st.one_of(st.none(), st.integers(10, 2000)),
    reserved_connections=st.integers(0, 10),
    memory=st.integers(0, 64).map(lambda gibi: gibi * 1024 * MEBI),
    cpus=st.integers(1, 64).map(float),
    other_connections=st.integers(0, 50),
)
PEAKS = st.fixed_dictionaries({"memory": COUNTS, "ai": COUNTS, "postgres": st.just(1), "migrations": st.integers(0, 1)})


def passes(wanted: Stack, peak: Mapping[str, int], capacity: Capacity, requested: Mapping[str, int]) -> bool:
    try:
        check_budgets(wanted, peak, capacity, requested=requested)
    except Refused:
        return False
    return True


@given(stacks(), PEAKS, CAPACITIES, st.integers(0, 5))
def test_the_largest_fit_fits_and_one_more_does_not(
    wanted: Stack, peak: dict[str, int], capacity: Capacity, surge: int
) -> None:
    most = Limits(wanted, capacity).largest(peak, "memory", surge=surge)

    if most is None:
        assert passes(wanted, {**peak, "memory": 10**6}, capacity, {"memory": 10**6})
        return
    if most:
        assert passes(wanted, {**peak, "memory": most + surge}, capacity, {"memory": most})
    assert not passes(wanted, {**peak, "memory": most + 1 + surge}, capacity, {"memory": most + 1})


@given(stacks(), PEAKS, CAPACITIES, st.integers(0, 5))
def test_a_refusal_names_a_number_that_fits(
    wanted: Stack, peak: dict[str, int], capacity: Capacity, surge: int
) -> None:
    assume(peak["memory"] > surge)
    count = peak["memory"] - surge
    assume(not passes(wanted, peak, capacity, {"memory": count}))
    most = Limits(wanted, capacity).largest(peak, "memory", surge=surge)
    assert most is not None
    assert most < count
    text = str(refusal(wanted, peak, {"memory": count}, surge={"memory": surge}, capacity=capacity))
    assert (f"beside the rest: memory={most}" if most else "something else has to give") in text


@given(stacks(), PEAKS, CAPACITIES, st.fixed_dictionaries({"memory": COUNTS, "ai": COUNTS}))
def test_fitted_pools_fit(wanted: Stack, peak: dict[str, int], capacity: Capacity, running: dict[str, int]) -> None:
    roomy = Capacity(capacity.max_connections, capacity.reserved_connections, 2**60, 4096.0, capacity.other_connections)
    try:
        changes = fit_pool(wanted, peak, roomy, running=running)
    except Refused:
        smallest = {name: {"DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "0"} for name in ("memory", "ai")}
        kept = all(count == 0 for count in running.values())
        assert not kept or not passes(with_environment(wanted, smallest), peak, roomy, {})
        return
    if passes(wanted, peak, roomy, {}):
        assert changes == {}
    fitted = with_environment(wanted, changes)
    check_budgets(fitted, peak, roomy, requested={})
    for name, change in changes.items():
        before = wanted.services[name].environment
        assert int(change["DB_POOL_SIZE"]) <= int(before["DB_POOL_SIZE"])
        assert int(change["DB_MAX_OVERFLOW"]) <= int(before["DB_MAX_OVERFLOW"])
        assert int(change["DB_POOL_SIZE"]) + int(change["DB_MAX_OVERFLOW"]) >= 1
        # Overflow goes first, and entirely.
        assert change["DB_POOL_SIZE"] == before["DB_POOL_SIZE"] or change["DB_MAX_OVERFLOW"] in {"0", "1"}
