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
from optimus_ops.redis.drill.figures import FaultFigures, figures, median_run, objectives
from optimus_ops.redis.drill.group import Group
from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.steps import InjectFault
from optimus_ops.reports.measurement import Measurement, Objective, count_verdicts, samples_needed
from optimus_ops.reports.model import Bullets, Details, Paragraph, Run, Section, Table
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
    """The result of a drill."""

    project: str
    settings: Mapping[str, str]  # what the figures depend on
    requested: Mapping[str, int]  # fault -> runs
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
                _fault_section(report.runs[found.fault], found, file=NAME if number == 0 else "")
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


def _fault_section(results: tuple[RunResult, ...], figures: FaultFigures, file: str = "") -> Section:
    """`file` names a file for the picture of the run that stands for the others."""
    fault, shown, runs = results[0].fault, median_run(results), figures.runs
    unmet = tuple(Span(f"{name}: not in {count} of {runs} runs", "bad") for name, count in figures.unmet.items())
    stages = f"Run {shown.number}, the middle one by its outage. {_stages(shown)}"
    return Section(
        fault.name,
        (
            Paragraph(f"{fault.summary[0].upper()}{fault.summary[1:]}."),
            *((Bullets(unmet),) if unmet else ()),
            replace(shown.timeline, file=file),
            Paragraph(Span(stages, "soft")),
            Paragraph(Span(_errors(figures), "soft")),
            Details("All runs", (_all_runs(results, tuple(figures.unended)),)),
        ),
    )


def _stages(run: RunResult) -> str:
    failover = run.failover
    stages = {
        "first sentinel takes it for dead": failover.first_down,
        "second": failover.quorum_down,
        "agreed": failover.agreed_down,
        "election": failover.election,
        "elected": failover.elected,
        "promoted": failover.promoted,
        "first switch": failover.first_switch,
        "last switch": failover.last_switch,
    }
    found = [f"{name} {at:.2f} s" for name, at in stages.items() if at is not None]
    if failover.restored is not None:
        found.append(f"redundancy {failover.restored:.2f} s after the healing")
    return "; ".join(found)


def _errors(figures: FaultFigures) -> str:
    errors = ", ".join(f"{name} {count}" for name, count in figures.errors.items()) or "none"
    return f"Errors of all runs: {errors}. Stored more than once: {figures.duplicates}."


def _all_runs(results: tuple[RunResult, ...], kinds: tuple[str, ...]) -> Table:
    outages = tuple(f"outage {kind}" for kind in kinds)
    rows = tuple(_run_row(run, kinds) for run in results)
    numbers = ("run", *outages, "switch", "elections", "lost", "restored")
    return Table((*numbers, "new master", "expectations"), rows, frozenset(numbers))


def _run_row(run: RunResult, kinds: tuple[str, ...]) -> tuple[Content, ...]:
    unmet = "; ".join(f"{expected.name}: {expected.found}" for expected in run.unmet)
    return (
        f"{run.number}",
        *(_seconds(run.outages.get(kind)) for kind in kinds),
        _seconds(run.failover.first_switch),
        f"{run.failover.elections}",
        f"{sum(stats.lost for stats in run.stats.values())}",
        _seconds(run.failover.restored),
        run.failover.new_master,
        Span(unmet, "bad") if unmet else Span("as expected", "good"),
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
