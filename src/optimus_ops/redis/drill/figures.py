"""Figures over all runs of a fault, and objectives; one that is missed is reported, and is no failure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.reports.measurement import Measurement, Objective, samples_needed

MEASURED = ("plain", "wait")
"""The kinds whose outage the objectives are about."""


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """Figures of a fault. Mappings go from the name of a kind of writes, where nothing else is stated."""

    fault: str
    runs: int
    good: int
    safe: tuple[str, ...]
    services: tuple[str, ...]
    outages: Mapping[str, Measurement]  # seconds without an acknowledgement, of the runs in which that ended
    unended: Mapping[str, int]  # runs in which it did not
    switch: Measurement  # seconds to the first `+switch-master`
    restored: Measurement  # seconds from the healing to redundancy
    elections: Mapping[int, int]  # number -> runs
    lost: Mapping[str, tuple[int, int]]  # acknowledged writes that were lost: of all runs, and the most of one
    writes: Mapping[str, Mapping[str, int]]
    slowest: Mapping[str, float]  # seconds that the slowest acknowledged write took
    errors: Mapping[str, int]  # error -> writes
    duplicates: int
    lost_after_fault: int  # lost writes that the replaced master acknowledged after the fault
    last_lost_after_fault: float | None  # seconds from the fault to the last of these
    facts: Mapping[str, Mapping[str, int]]  # evidence -> yes or no -> runs
    unmet: Mapping[str, int]  # expectation -> runs that did not meet it


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


def objectives(all_figures: Sequence[tuple[Fault, FaultFigures]]) -> Iterator[Objective]:
    """Yield the objectives of the faults that were injected."""
    for fault, figures in all_figures:
        yield from _of_outages(fault, figures)
    yield _of_kept_writes([figures for _fault, figures in all_figures])
    for fault, figures in all_figures:
        if fault.serves and figures.services:
            yield _of_requests(figures)
    for fault, figures in all_figures:
        if fault.losses == "some":
            yield _of_control(figures)


def _of_outages(fault: Fault, figures: FaultFigures) -> Iterator[Objective]:
    if not fault.objectives:
        return
    runs = f"{figures.runs} runs"
    for kind in MEASURED:
        outage = figures.outages.get(kind, Measurement("", None))
        for percent, bound in fault.objectives.items():
            found = outage.value if percent == 50 else outage.percentile(percent)
            few = f"; p{percent} needs {samples_needed(percent)}" if figures.runs < samples_needed(percent) else ""
            name = f"{fault.name}: outage of {kind} writes, p{percent}"
            yield Objective(name, "under", bound, found, "s", f"{runs}{few if percent != 50 else ''}")
    others = sum(count for number, count in figures.elections.items() if number != 1)
    yield Objective(f"{fault.name}: runs with more or fewer than one election", "at most", 0, others, "", runs)


def _of_kept_writes(all_figures: Sequence[FaultFigures]) -> Objective:
    lost = sum(figures.lost[kind][0] for figures in all_figures for kind in figures.safe)
    acknowledged = sum(figures.writes[kind]["acknowledged"] for figures in all_figures for kind in figures.safe)
    runs = sum(figures.runs for figures in all_figures)
    basis = f"{acknowledged:,} acknowledged WAIT writes, {runs} runs of {len(all_figures)} faults"
    return Objective("acknowledged WAIT writes that were lost", "at most", 0, lost, "", basis)


def _of_requests(figures: FaultFigures) -> Objective:
    """Callers of the services notice nothing but a delay."""
    sent = sum(sum(figures.writes[kind].values()) for kind in figures.services)
    failed = sent - sum(figures.writes[kind]["acknowledged"] for kind in figures.services)
    slowest = max((figures.slowest[kind] for kind in figures.services if kind in figures.slowest), default=None)
    basis = f"{sent:,} of callers that wait 5 s" + ("" if slowest is None else f"; the slowest took {slowest:.2f} s")
    name = f"{figures.fault}: failed requests to {' and '.join(figures.services)}"
    return Objective(name, "at most", 0, failed, "", basis)


def _of_control(figures: FaultFigures) -> Objective:
    """The drill sees losses where there must be some."""
    plain = [kind for kind in figures.lost if kind not in figures.safe]
    lost = sum(figures.lost[kind][0] for kind in plain)
    basis = f"{sum(figures.writes[kind]['acknowledged'] for kind in plain):,} acknowledged, {figures.runs} runs"
    return Objective(f"{figures.fault}: plain writes seen to be lost", "at least", 1, lost, "", basis)
