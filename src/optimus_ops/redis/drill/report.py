"""The report of a drill: its result as a value, and as a report for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from optimus_ops.plan.step import Plan
from optimus_ops.redis.drill.fault_section import fault_section
from optimus_ops.redis.drill.figures import FaultFigures, figures
from optimus_ops.redis.drill.nodes import Group
from optimus_ops.redis.drill.objectives import objectives
from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.steps import InjectFault
from optimus_ops.reports.measurement import Measurement, Objective, count_verdicts, samples_needed
from optimus_ops.reports.model import Bullets, Paragraph, Run, Section, Table
from optimus_ops.reports.spans import Content, Span

NAME = "redis-drill"
HEADER = (
    *("fault", "runs", "as expected", "elections", "outage of", "p50", "p95", "max"),
    *("writes", "lost", "duplicates", "restored"),
)
EXPLANATION = (
    "An outage is the longest time without an acknowledgement of a kind of write, in seconds; lost is what was "
    "acknowledged and is not there afterwards. Writes: acknowledged / indeterminate / rejected. Restored: p50 / p95 / "
    f"max, from healing to redundancy. p95 needs at least {samples_needed(95)} runs."
)


@dataclass(frozen=True)
class DrillReport:
    """The result of a drill.

    Args:
        settings: what the figures depend on: name -> value.
        requested: fault -> runs.
    """

    project: str
    settings: Mapping[str, str]
    requested: Mapping[str, int]
    results: tuple[RunResult, ...]
    command: str = ""

    @classmethod
    def of(cls, plan: Plan, results: Sequence[RunResult], runner: FaultRunner, command: str) -> DrillReport:
        """Return the report on the runs that were made."""
        requested = {step.fault: step.runs for step in plan.steps if isinstance(step, InjectFault)}
        return cls(plan.project, settings_of(runner), requested, tuple(results), command)

    @cached_property
    def runs(self) -> Mapping[str, tuple[RunResult, ...]]:
        """Fault -> its runs, of the faults that were injected."""
        runs = {name: tuple(run for run in self.results if run.fault.name == name) for name in self.requested}
        return {name: found for name, found in runs.items() if found}

    @cached_property
    def figures(self) -> tuple[FaultFigures, ...]:
        """The figures of each fault that was injected."""
        return tuple(figures(runs) for runs in self.runs.values())

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives of these faults."""
        faults = (runs[0].fault for runs in self.runs.values())
        return tuple(objectives(tuple(zip(faults, self.figures, strict=True))))

    @property
    def result(self) -> Literal["done", "incomplete", "unexpected"]:
        """Whether all runs were made, and met every expectation."""
        if not all(run.good for run in self.results):
            return "unexpected"
        return "done" if len(self.results) == sum(self.requested.values()) else "incomplete"


def settings_of(runner: FaultRunner) -> dict[str, str]:
    """Return what the figures depend on."""
    group = runner.group
    lag = "off" if group.max_lag is None else f"1, max-lag {group.max_lag:g} s"
    return {
        "stack": group.project,
        "Redis": group.version,
        "servers": str(len(group.servers)),
        "sentinels": str(len(group.sentinels)),
        "down-after": _down_after(group),
        "min-replicas": lag,
        "through services": ", ".join(endpoint.kind.name for endpoint in runner.endpoints)
        or "nothing: they do not run",
        "host": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {platform.machine()}",
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _down_after(group: Group) -> str:
    each = ", ".join(f"{seconds * 1000:.0f}" for seconds in group.down_afters)
    return f"{group.down_after * 1000:.0f} ms until a quorum takes it for dead ({each} ms, of the sentinels)"


def drill_run(report: DrillReport) -> Run:
    """Return the report for people."""
    good, runs = sum(run.good for run in report.results), len(report.results)
    rows = tuple(row for found in report.figures for row in _rows(found))
    notes = tuple(note for found in report.figures for note in _notes(found))
    return Run(
        title=f"Redis drill of {report.project}",
        headline=(
            Span(f"{good} of {runs} runs went as expected", "good" if good == runs else "bad"),
            f"; {count_verdicts(report.objectives)}.",
        ),
        facts=report.settings,
        command=report.command,
        sections=(
            Section("Objectives", report.objectives),
            Section(
                "All faults",
                (
                    Table(HEADER, rows, frozenset({"runs", "p50", "p95", "max", "duplicates"})),
                    Paragraph(EXPLANATION),
                    *((Bullets(notes),) if notes else ()),
                ),
            ),
            *(
                fault_section(report.runs[found.fault], found, file=NAME if number == 0 else "")
                for number, found in enumerate(report.figures)
            ),
        ),
    )


def summary(run: Run) -> Run:
    """Return the part of the report that is printed: without a section for each fault."""
    return replace(run, sections=run.sections[:2])


def _rows(figures: FaultFigures) -> Iterator[tuple[Content, ...]]:
    """Yield a row for each kind of writes; only the first has what all kinds share."""
    name, runs = figures.fault, figures.runs
    elections = ", ".join(f"{number} in {count}" for number, count in sorted(figures.elections.items()))
    good = Span(f"{figures.good}/{runs}", "good" if figures.good == runs else "bad")
    first: tuple[Content, ...] = (Span(name, link=f"#{name}"), f"{runs}", good, elections)
    last: tuple[Content, ...] = (f"{figures.duplicates}", " / ".join(_spread(figures.restored)))
    for kind, (lost, most) in figures.lost.items():
        yield (
            *first,
            kind,
            *_spread(figures.outages.get(kind)),
            " / ".join(f"{count:,}" for count in figures.writes[kind].values()),
            f"{lost:,}" if lost == most else f"{lost:,} (max {most:,})",
            *last,
        )
        first, last = ("",) * len(first), ("",) * len(last)


def _spread(measured: Measurement | None) -> tuple[str, str, str]:
    if measured is None or measured.value is None:
        return "-", "-", "-"
    p95 = measured.percentile(95)
    return f"{measured.value:.2f}", "-" if p95 is None else f"{p95:.2f}", f"{max(measured.samples):.2f}"


def _notes(figures: FaultFigures) -> Iterator[str]:
    name, runs = figures.fault, figures.runs
    for expectation, count in figures.unmet.items():
        yield f"{name}: {expectation}: not in {count} of {runs} runs"
    for fact, tally in figures.facts.items():
        yield f"{name}: {fact}: {', '.join(f'{word} in {count} runs' for word, count in tally.items())}"
    if figures.last_lost_after_fault is not None:
        yield (
            f"{name}: the replaced master acknowledged {figures.lost_after_fault} writes after the fault that were "
            f"lost, the last {figures.last_lost_after_fault:.2f} s after it"
        )
