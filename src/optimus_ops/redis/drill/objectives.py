"""Objectives of a drill. One that is missed is reported; it is no failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.figures import FaultFigures
from optimus_ops.reports.measurement import Measurement, Objective, samples_needed

MEASURED = ("plain", "wait")
"""The kinds whose outage the objectives are about."""


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
