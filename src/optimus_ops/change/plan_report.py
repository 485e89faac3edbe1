"""A plan as a report: for the comment of a pull request, the summary of a step, a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.change import events
from optimus_ops.plan.step import Plan
from optimus_ops.reports.model import Bullets, Run, Section, Table
from optimus_ops.reports.spans import Content, Span


@dataclass
class ReportSubscriber:
    """Notes what became of each step, and writes the report of a change at its end."""

    plan: Plan
    folder: Path
    _results: list[str] = field(default_factory=list)
    _error: str = ""

    def __call__(self, event: events.Event) -> None:
        """Note an event."""
        match event:
            case events.StepDone(seconds=seconds, note=note, complaints=complaints):
                self._results.append("; ".join([f"done in {seconds:.1f} s", *filter(None, (note, *complaints))]))
            case events.StepFailed():
                self._results.append("failed")
            case events.ChangeFailed(error=error):
                self._error = error
            case events.UndoDone(error=error):
                undone = f"could not undo everything: {error}" if error else "everything was undone"
                self._write(Span(f"Failed: {self._error}; {undone}.", "bad"))
            case events.ChangeDone(complaints=complaints):
                self._write(Span("Done, but not without loss.", "warn") if complaints else Span("Done.", "good"))

    def _write(self, result: Span) -> None:
        write_plan_report(self.plan, self.folder, (result,), tuple(self._results))


def write_plan_report(
    plan: Plan, folder: Path, result: Content = "", results: tuple[str, ...] = ()
) -> tuple[Path, ...]:
    """Write the report of a plan, by the name of its purpose, into a folder; return the files.

    `result` is how the change ended, `results` what became of its first steps; without them it is what would be done.
    """
    from optimus_ops.reports.files import write_report  # noqa: PLC0415 - what draws pages takes half a second to load

    return write_report(plan_report(plan, result, results), folder, plan.purpose)


def plan_report(plan: Plan, result: Content = "", results: tuple[str, ...] = ()) -> Run:
    """Return the report of a plan: what is not as it should be in sight, the steps on demand."""
    count = len(plan.steps)
    steps = f"{count} step{'s' * (count != 1)}" if plan else "Nothing to do"
    notes = (Section("Notes", (Bullets(plan.notes),)),) if plan.notes else ()
    header = ("#", "batch", "step", "why", *(("result",) if result else ()))
    padded = (*results, *("not reached" for _ in plan.steps[len(results) :]))
    rows = tuple(
        (str(number), step.batch, step.text, str(step.cause), *((became,) if result else ()))
        for number, (step, became) in enumerate(zip(plan.steps, padded, strict=True), start=1)
    )
    listed = (Section("Steps", (Table(header, rows, frozenset({"#"})),), folded=True),) if plan else ()
    return Run(f"{plan.project}: {plan.purpose}", result or f"{steps}.", {}, (*notes, *listed))
