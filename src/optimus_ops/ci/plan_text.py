"""A plan of a local run, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.ci.job_names import job_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.ci.ci_plan import CiPlan, PlannedJob

TREATMENTS = {
    "act": "checked out by act",
    "replaced": "replaced by a local one",
    "not run": "not run here",
    "impossible": "can't run here",
}


def plan_lines(plan: CiPlan, images: Mapping[str, str]) -> list[str]:
    """Return the plan as lines; `images` names the fallback of each image that has one."""
    lines = [f"{plan.file} on {plan.event}"]
    for entry in plan.jobs:
        lines += _lines_of(entry, images)
    others = [use for use in plan.actions if use.treatment != "local"]
    if others:
        lines += ["  actions:", *(f"      {use.uses}: {TREATMENTS[use.treatment]}" for use in others)]
    return lines


def plan_json(plan: CiPlan) -> dict[str, Any]:
    """Return the plan as a JSON object."""
    return {
        "workflow": plan.file,
        "name": plan.workflow.name,
        "event": plan.event,
        "jobs": [_job_json(entry) for entry in plan.jobs],
        "actions": [{"uses": use.uses, "place": str(use.place), "treatment": use.treatment} for use in plan.actions],
    }


def _lines_of(entry: PlannedJob, images: Mapping[str, str]) -> Iterator[str]:
    yield f"  {_job_line(entry)}"
    for service in entry.job.services:
        replaced = f" for {service.image}" if service.image in images else ""
        yield f"      service {service.name}: {images.get(service.image, service.image)}{replaced}"
    yield from (f"      {step.title}" for step in entry.job.steps)
    if entry.problem:
        yield f"      can't run here: {entry.problem}"
    for inner in entry.called:
        yield from _lines_of(inner, images)


def _job_line(entry: PlannedJob) -> str:
    job = entry.job
    parts = [", ".join(entry.titles) or job_title(job, {})]
    if parts[0] != entry.id:
        parts[0] = f"{entry.id}: {parts[0]}"
    if job.matrix.dynamic:
        parts.append(f"combinations decided by {job.matrix.dynamic}")
    if job.needs:
        parts.append(f"after {', '.join(job.needs)}")
    if job.condition:
        parts.append(f"if {' '.join(job.condition.split())}")
    if job.environment:
        parts.append(f"environment {job.environment}")
    if job.uses:
        parts.append(f"workflow {job.uses}")
    if not entry.runs:
        parts.append(f"not run here: wants {', '.join(entry.labels)}")
    return " · ".join(parts)


def _job_json(entry: PlannedJob) -> dict[str, Any]:
    job = entry.job
    return {
        "id": job.id,
        "stage": entry.stage,
        "needs": list(job.needs),
        "if": job.condition,
        "runs_on": list(entry.labels),
        "runs": entry.runs,
        "matrix": [dict(values) for values in entry.combinations if values],
        "dynamic_matrix": job.matrix.dynamic,
        "names": list(entry.titles),
        "environment": job.environment,
        "uses": job.uses,
        "services": {service.name: service.image for service in job.services},
        "steps": [{"title": step.title, "uses": step.uses, "run": step.run, "line": step.line} for step in job.steps],
        "problem": entry.problem,
        "jobs": [_job_json(inner) for inner in entry.called],
    }
