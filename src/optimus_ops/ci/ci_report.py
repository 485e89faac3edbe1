"""The report of a local run: jobs and times, steps, annotations and step summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.reports.model import Bullets, Details, Paragraph, Run, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.results import JobResult, RunResults
    from optimus_ops.reports.model import Block

RIGHT = frozenset({"seconds"})


def run_report(plan: CiPlan, jobs: Sequence[JobResult], results: RunResults, facts: dict[str, str]) -> Run:
    """Return the report."""
    rows = tuple((job.title, job.result, f"{job.seconds:.1f}", job.reason) for job in jobs)
    table = Table(("job", "result", "seconds", "reason"), rows, RIGHT)
    blocks: tuple[Block, ...] = (table, *results.findings)
    steps = tuple(
        Details(
            job.title,
            (
                Table(
                    ("step", "result", "seconds"),
                    tuple((step.title, step_word(step), f"{step.seconds:.1f}") for step in job.steps),
                    RIGHT,
                ),
            ),
        )
        for job in jobs
        if job.steps
    )
    not_run = tuple(f"{use.uses} ({use.place})" for use in plan.actions if use.treatment == "not run")
    sections = [Section("Jobs", blocks), Section("Steps", steps)]
    sections += [Section(f"Summary of {title}", (Paragraph(text),)) for title, text in results.summaries]
    if not_run:
        sections.append(Section("Not run here", (Bullets(not_run),)))
    return Run(
        f"Workflow {plan.workflow.name}", headline(jobs), facts, tuple(sections), f"invoke ci.run {plan.workflow.key}"
    )


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
