"""The report of a local run: jobs and times, steps, annotations and step summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.reports.model import Bullets, Details, MarkdownText, Output, Paragraph, Run, Section, Table
from optimus_ops.reports.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.results import JobResult, RunResults
    from optimus_ops.reports.spans import Tone

RIGHT = frozenset({"seconds"})
TONES: dict[str, Tone] = {"success": "good", "failure": "bad", "cancelled": "warn", "skipped": "soft"}
NOT_RUN = "not run here"
"""Title of the warning that stands for an action."""


def run_report(plan: CiPlan, jobs: Sequence[JobResult], results: RunResults, facts: dict[str, str]) -> Run:
    """Return the report: the result of each job first, then what failed, then what else there is to know."""
    steps = (Details(job.title, (_steps(job),)) for job in jobs if job.steps)
    sections = (
        *result_sections(plan, jobs, results),
        *_failed(jobs),
        Section("Steps", tuple(steps)),
        *(Section(f"Summary of {title}", (MarkdownText(text),)) for title, text in results.summaries),
    )
    title = f"Workflow {plan.workflow.name}"
    return Run(title, headline(jobs), facts, sections, f"invoke ci.run {plan.workflow.key}")


def result_sections(plan: CiPlan, jobs: Sequence[JobResult], results: RunResults) -> Iterator[Section]:
    """Give what a reader wants first: jobs with times, annotations, and which actions were not run."""
    rows = ((job.title, Span(job.result, TONES[job.result]), f"{job.seconds:.1f}", job.reason) for job in jobs)
    yield Section("Jobs", (Table(("job", "result", "seconds", "reason"), tuple(rows), RIGHT),))
    annotations = tuple(dict.fromkeys(found for found in results.findings if found.rule != NOT_RUN))
    if annotations:
        yield Section("Annotations", annotations)
    not_run = tuple(f"{use.uses} ({use.place})" for use in plan.actions if use.treatment == "not run")
    if not_run:
        yield Section("Not run here", (Bullets(not_run),))


def _failed(jobs: Sequence[JobResult]) -> Iterator[Section]:
    for job in jobs:
        if job.result == "failure":
            output = (Output("\n".join(job.tail)),) if job.tail else ()
            yield Section(f"Failed: {job.title}", (Paragraph(job.reason), *output))


def _steps(job: JobResult) -> Table:
    rows = ((step.title, step_word(step), f"{step.seconds:.1f}") for step in job.steps)
    return Table(("step", "result", "seconds"), tuple(rows), RIGHT)


def headline(jobs: Sequence[JobResult]) -> str:
    """Return the result in one line: numbers by result."""
    words = ("success", "failure", "cancelled", "skipped")
    counts = {word: sum(job.result == word for job in jobs) for word in words}
    return f"{len(jobs)} jobs: {', '.join(f'{count} {word}' for word, count in counts.items() if count)}"


def step_word(step: Any) -> str:
    """Return the result of a step; a failure that the file tolerates says so."""
    return "failure (tolerated)" if step.tolerated else str(step.result)


def run_json(plan: CiPlan, jobs: Sequence[JobResult], results: RunResults, facts: dict[str, str]) -> dict[str, Any]:
    """Return the result of a run as a JSON object."""
    return {
        "workflow": plan.file,
        "event": plan.event,
        **facts,
        "jobs": [
            {
                "job": job.job,
                "name": job.title,
                "matrix": dict(job.matrix),
                "result": job.result,
                "reason": job.reason,
                "seconds": round(job.seconds, 3),
                "steps": [
                    {"title": step.title, "result": step_word(step), "seconds": round(step.seconds, 3)}
                    for step in job.steps
                ],
            }
            for job in jobs
        ],
        "annotations": [
            {"level": found.level, "message": found.message, "place": str(found.place or "")}
            for found in results.findings
        ],
        "not_run": [use.uses for use in plan.actions if use.treatment == "not run"],
    }
