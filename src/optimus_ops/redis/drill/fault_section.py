"""The section of a fault in the report: picture, stages of the fail-over, errors, all runs."""

from __future__ import annotations

from dataclasses import replace

from optimus_ops.redis.drill.figures import FaultFigures, median_run
from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.reports.model import Bullets, Details, Paragraph, Section, Table
from optimus_ops.reports.spans import Content, Span


def fault_section(results: tuple[RunResult, ...], figures: FaultFigures, file: str = "") -> Section:
    """Return the section; `file` names a file for the picture of the run that stands for the others."""
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
    rows = tuple(_run(run, kinds) for run in results)
    numbers = ("run", *outages, "switch", "elections", "lost", "restored")
    return Table((*numbers, "new master", "expectations"), rows, frozenset(numbers))


def _run(run: RunResult, kinds: tuple[str, ...]) -> tuple[Content, ...]:
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
