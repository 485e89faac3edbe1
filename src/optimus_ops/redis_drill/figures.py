"""Figures over the runs of a fault: p50, p95, the most, sums, and whether targets were reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.redis_drill.faults import Fault
    from optimus_ops.redis_drill.outcomes import Outcome

MEASURED = ("plain", "wait")
"""The kinds whose outage the targets are about."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several runs.

    Args:
        count: in how many runs there was one.
        p50: the median.
        p95: nearest rank: the smallest that is not exceeded by 95 % of them. Of fewer than 20 runs it is the most.
        most: the largest.
    """

    count: int
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is to be reached.

    Args:
        name: as "plain p50".
        under: seconds.
        found: seconds; None if it could not be measured.
    """

    name: str
    under: float
    found: float | None

    @property
    def reached(self) -> bool:
        """Whether it was."""
        return self.found is not None and self.found < self.under


@dataclass(frozen=True, slots=True)
class Figures:
    """What the runs of a fault came to.

    Args:
        fault: its name.
        runs: how many.
        good: in how many everything came about that was expected.
        outages: kind -> seconds without an acknowledgement.
        unended: kind -> runs in which the outage did not end.
        switch: seconds to the first `+switch-master`.
        restored: seconds from the healing to redundancy.
        elections: number of elections -> in how many runs.
        lost: kind -> acknowledged writes that were lost, the sum and the most in a run.
        counts: outcome -> writes of all kinds and runs.
        errors: error -> how many of all kinds and runs.
        duplicates: writes that are there more than once.
        doomed: acknowledgements by the replaced master after the fault.
        last_doomed: seconds after the fault of the last of these.
        targets: see there.
        facts: what it had to show -> value -> in how many runs; only of facts that are yes or no.
        unmet: expectation -> in how many runs it did not come about.
    """

    fault: str
    runs: int
    good: int
    outages: Mapping[str, Spread]
    unended: Mapping[str, int]
    switch: Spread | None
    restored: Spread | None
    elections: Mapping[int, int]
    lost: Mapping[str, tuple[int, int]]
    counts: Mapping[str, int]
    errors: Mapping[str, int]
    duplicates: int
    doomed: int
    last_doomed: float | None
    targets: tuple[Target, ...]
    facts: Mapping[str, Mapping[str, int]]
    unmet: Mapping[str, int]


def figures(fault: Fault, outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of one fault; of at least one run."""
    kinds = list(dict.fromkeys(name for one in outcomes for name in one.accounts))
    measured = [name for name in kinds if any(name in one.outages for one in outcomes)]
    spreads = {name: spread([one.outages.get(name) for one in outcomes]) for name in measured}
    outages = {name: found for name, found in spreads.items() if found is not None}
    accounts = [account for one in outcomes for account in one.accounts.values()]
    return Figures(
        fault=fault.name,
        runs=len(outcomes),
        good=sum(one.good for one in outcomes),
        outages=outages,
        unended={name: sum(one.outages.get(name) is None for one in outcomes) for name in measured},
        switch=spread([one.moments.first_switch for one in outcomes]),
        restored=spread([one.moments.restored for one in outcomes]),
        elections=_tally([one.moments.elections for one in outcomes]),
        lost={name: _sum_and_most([one.accounts[name].lost for one in outcomes]) for name in kinds},
        counts=_added({str(name): count for name, count in account.counts.items()} for account in accounts),
        errors=_added(account.errors for account in accounts),
        duplicates=sum(account.duplicates for account in accounts),
        doomed=sum(account.doomed for account in accounts),
        last_doomed=max((one.last_doomed for one in accounts if one.last_doomed is not None), default=None),
        targets=tuple(
            Target(f"{kind} {name}", under, getattr(outages[kind], name) if kind in outages else None)
            for kind in MEASURED
            for name, under in fault.targets.items()
        ),
        facts=_facts(outcomes),
        unmet=_tally([expected.name for one in outcomes for expected in one.expected if not expected.met]),
    )


def spread(values: Sequence[float | None]) -> Spread | None:
    """Return the spread of those values that there are; None if there are none."""
    there = sorted(value for value in values if value is not None)
    if not there:
        return None
    return Spread(len(there), percentile(there, 50), percentile(there, 95), there[-1])


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


def _added(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counted:
        for name, number in one.items():
            total[name] = total.get(name, 0) + number
    return total
