"""Figures over all runs of a fault."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.reports.measurement import Measurement


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """Figures of a fault. Mappings go from the name of a kind of writes, where nothing else is stated.

    Args:
        outages: seconds without an acknowledgement, of the runs in which that ended (not `unended`).
        switch: seconds to the first `+switch-master`.
        restored: seconds from the healing to redundancy.
        lost: acknowledged writes that were lost: of all runs, and the most of one.
        slowest: seconds that the slowest acknowledged write took.
        lost_after_fault: lost writes that the replaced master acknowledged after the fault.
        last_lost_after_fault: seconds from the fault to the last of these.
        facts: evidence -> yes or no -> runs.
        unmet: expectation -> runs that did not meet it.
    """

    fault: str
    runs: int
    good: int
    safe: tuple[str, ...]
    services: tuple[str, ...]
    outages: Mapping[str, Measurement]
    unended: Mapping[str, int]
    switch: Measurement
    restored: Measurement
    elections: Mapping[int, int]
    lost: Mapping[str, tuple[int, int]]
    writes: Mapping[str, Mapping[str, int]]
    slowest: Mapping[str, float]
    errors: Mapping[str, int]
    duplicates: int
    lost_after_fault: int
    last_lost_after_fault: float | None
    facts: Mapping[str, Mapping[str, int]]
    unmet: Mapping[str, int]


def figures(runs: tuple[RunResult, ...]) -> FaultFigures:
    """Return the figures of a fault from its runs, of which there is at least one."""
    kinds = {kind.name: kind for run in runs for kind in run.kinds}
    of_kind = {name: [run.stats[name] for run in runs if name in run.stats] for name in kinds}
    lost = {name: [stats.lost for stats in found] for name, found in of_kind.items()}
    measured = [name for name in kinds if any(name in run.outages for run in runs)]
    outages = {name: seconds(run.outages.get(name) for run in runs) for name in measured}
    slowest = {name: seconds(stats.slowest for stats in found).samples for name, found in of_kind.items()}
    every = [stats for run in runs for stats in run.stats.values()]
    return FaultFigures(
        fault=runs[0].fault.name,
        runs=len(runs),
        good=sum(run.good for run in runs),
        safe=tuple(name for name, kind in kinds.items() if kind.safe),
        services=tuple(name for name, kind in kinds.items() if kind.service),
        outages={name: outage for name, outage in outages.items() if outage.samples},
        unended={name: sum(run.outages.get(name) is None for run in runs) for name in measured},
        switch=seconds(run.failover.first_switch for run in runs),
        restored=seconds(run.failover.restored for run in runs),
        elections=Counter(run.failover.elections for run in runs),
        lost={name: (sum(numbers), max(numbers, default=0)) for name, numbers in lost.items()},
        writes={name: _add(stats.counts for stats in found) for name, found in of_kind.items()},
        slowest={name: max(times) for name, times in slowest.items() if times},
        errors=_add(stats.errors for stats in every),
        duplicates=sum(stats.duplicates for stats in every),
        lost_after_fault=sum(stats.lost_after_fault for stats in every),
        last_lost_after_fault=max(seconds(stats.last_lost_after_fault for stats in every).samples, default=None),
        facts=_tally_evidence(runs),
        unmet=Counter(expected.name for run in runs for expected in run.unmet),
    )


def seconds(values: Iterable[float | None]) -> Measurement:
    """Return the measurement of those values that there are."""
    return Measurement.median("", [value for value in values if value is not None], "s")


def median_run(runs: Iterable[RunResult]) -> RunResult:
    """Return the run that stands for the others: the middle one by its outage of plain writes."""
    ordered = sorted(runs, key=lambda run: run.outages.get("plain") or math.inf)
    return ordered[(len(ordered) - 1) // 2]


def _tally_evidence(runs: Iterable[RunResult]) -> dict[str, Counter[str]]:
    tally: dict[str, Counter[str]] = {}
    for run in runs:
        for name, fact in run.facts.items():
            if fact.holds is not None:
                tally.setdefault(name, Counter())["yes" if fact.holds else "no"] += 1
    return tally


def _add(counts: Iterable[Mapping[Any, int]]) -> dict[str, int]:
    # Not the sum of counters: that leaves out what is zero.
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total
