"""Figures over the runs of a fault: p50, p95, the most, and sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.redis.drill.faults import Fault
    from optimus_ops.redis.drill.outcomes import Outcome

ENOUGH_FOR_P95 = 20
"""Values of which one may be larger than the 95th percentile."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several runs.

    Args:
        count: in how many runs there was one.
        p50: the median.
        p95: nearest rank: the smallest that is not exceeded by 95 % of them; None of fewer than 20 values.
        most: the largest.
    """

    count: int
    p50: float
    p95: float | None
    most: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the runs of a fault came to.

    Args:
        fault: its name.
        runs: how many.
        good: in how many everything came about that was expected.
        safe: kinds whose acknowledgement promises that a fail-over keeps the write.
        services: kinds that go through the services.
        outages: kind -> seconds without an acknowledgement.
        unended: kind -> runs in which the outage did not end.
        switch: seconds to the first `+switch-master`.
        restored: seconds from the healing to redundancy.
        elections: number of elections -> in how many runs.
        lost: kind -> acknowledged writes that were lost, the sum and the most in a run.
        writes: kind -> outcome -> how many of all runs.
        slowest: kind -> seconds that the slowest acknowledgement took.
        errors: error -> how many of all kinds and runs.
        duplicates: writes that are there more than once.
        doomed: acknowledgements by the replaced master after the fault.
        last_doomed: seconds after the fault of the last of these.
        facts: what it had to show -> value -> in how many runs; only of facts that are yes or no.
        unmet: expectation -> in how many runs it did not come about.
    """

    fault: str
    runs: int
    good: int
    safe: tuple[str, ...]
    services: tuple[str, ...]
    outages: Mapping[str, Spread]
    unended: Mapping[str, int]
    switch: Spread | None
    restored: Spread | None
    elections: Mapping[int, int]
    lost: Mapping[str, tuple[int, int]]
    writes: Mapping[str, Mapping[str, int]]
    slowest: Mapping[str, float]
    errors: Mapping[str, int]
    duplicates: int
    doomed: int
    last_doomed: float | None
    facts: Mapping[str, Mapping[str, int]]
    unmet: Mapping[str, int]


def figures(fault: Fault, outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of one fault; of at least one run."""
    loads = tuple(dict.fromkeys(kind for one in outcomes for kind in one.kinds))
    kinds = [kind.name for kind in loads]
    of_kind = {name: [one.accounts[name] for one in outcomes if name in one.accounts] for name in kinds}
    slowest = {name: [one.slowest for one in found if one.slowest is not None] for name, found in of_kind.items()}
    measured = [name for name in kinds if any(name in one.outages for one in outcomes)]
    spreads = {name: spread([one.outages.get(name) for one in outcomes]) for name in measured}
    outages = {name: found for name, found in spreads.items() if found is not None}
    accounts = [account for one in outcomes for account in one.accounts.values()]
    return Figures(
        fault=fault.name,
        runs=len(outcomes),
        good=sum(one.good for one in outcomes),
        safe=tuple(kind.name for kind in loads if kind.safe),
        services=tuple(kind.name for kind in loads if kind.service),
        outages=outages,
        unended={name: sum(one.outages.get(name) is None for one in outcomes) for name in measured},
        switch=spread([one.moments.first_switch for one in outcomes]),
        restored=spread([one.moments.restored for one in outcomes]),
        elections=_tally([one.moments.elections for one in outcomes]),
        lost={name: _sum_and_most([one.lost for one in found]) for name, found in of_kind.items()},
        writes={name: _added(one.counts for one in found) for name, found in of_kind.items()},
        slowest={name: max(found) for name, found in slowest.items() if found},
        errors=_added(account.errors for account in accounts),
        duplicates=sum(account.duplicates for account in accounts),
        doomed=sum(account.doomed for account in accounts),
        last_doomed=max((one.last_doomed for one in accounts if one.last_doomed is not None), default=None),
        facts=_facts(outcomes),
        unmet=_tally([expected.name for one in outcomes for expected in one.expected if not expected.met]),
    )


def spread(values: Sequence[float | None]) -> Spread | None:
    """Return the spread of those values that there are; None if there are none."""
    there = sorted(value for value in values if value is not None)
    if not there:
        return None
    p95 = percentile(there, 95) if len(there) >= ENOUGH_FOR_P95 else None
    return Spread(len(there), percentile(there, 50), p95, there[-1])


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile of values in order: the median as usual, others by nearest rank."""
    if percent == 50:
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def median_run(outcomes: Sequence[Outcome], kind: str = "plain") -> Outcome:
    """Return the run that stands for the others: the one in the middle by its outage."""
    ordered = sorted(outcomes, key=lambda one: one.outages.get(kind) or math.inf)
    return ordered[(len(ordered) - 1) // 2]


def _tally(values: Sequence[int] | Sequence[str]) -> dict:  # type: ignore[type-arg]
    return {value: list(values).count(value) for value in dict.fromkeys(values)}


def _facts(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    names = dict.fromkeys(name for one in outcomes for name in one.facts)
    words = {name: [one.facts[name].split(":")[0] for one in outcomes if name in one.facts] for name in names}
    return {name: _tally(found) for name, found in words.items() if set(found) <= {"yes", "no"}}


def _sum_and_most(values: Sequence[int]) -> tuple[int, int]:
    return sum(values), max(values, default=0)


def _added(count_verdicts: Iterable[Mapping[Any, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in count_verdicts:
        for name, number in one.items():
            total[name] = total.get(name, 0) + number
    return total
