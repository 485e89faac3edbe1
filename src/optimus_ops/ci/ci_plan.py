"""The plan of a local run: which jobs, in which combinations, with what in place of GitHub's parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.actions import ActionUse, Checkout, used_actions
from optimus_ops.ci.job_order import job_stages, with_needs
from optimus_ops.ci.model import Combination, Job, Workflow
from optimus_ops.ci.yaml_nodes import WorkflowError
from optimus_ops.errors import Refused
from optimus_ops.reports.model import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

MATRIX_VALUE = re.compile(r"\$\{\{\s*matrix\.([A-Za-z_][\w-]*)\s*\}\}")
OTHER_SYSTEMS = ("windows", "macos")


@dataclass(frozen=True)
class PlannedJob:
    """A job of the plan, in the combinations that run."""

    job: Job
    stage: int
    combinations: tuple[Combination, ...]
    labels: tuple[str, ...]

    @property
    def runs(self) -> bool:
        """Whether some runner of this machine takes it: Linux."""
        return not any(label.lower().startswith(OTHER_SYSTEMS) for label in self.labels)


@dataclass(frozen=True)
class CiPlan:
    """What a local run of a workflow will do."""

    workflow: Workflow
    file: str
    event: str
    jobs: tuple[PlannedJob, ...]
    actions: tuple[ActionUse, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The runner labels that this machine stands in for."""
        return tuple(dict.fromkeys(label for planned in self.jobs if planned.runs for label in planned.labels))


def plan_run(
    workflow: Workflow, checkout: Checkout, *, event: str, job: str = "", matrix: Mapping[str, str] | None = None
) -> CiPlan:
    """Plan a run of a workflow, or of one of its jobs with all that it needs.

    Raises:
        WorkflowError: the workflow is malformed.
        Refused: no such job, event or value of the matrix; a part that can't run on this machine.
    """
    file = workflow.path.relative_to(checkout.root).as_posix()
    stages = job_stages(workflow, file)
    if event not in workflow.triggers:
        raise Refused(f"{file} does not run on {event!r}", f"events: {', '.join(workflow.triggers)}")
    wanted = _wanted(workflow, job)
    planned = tuple(
        PlannedJob(found, number, _combinations(found, matrix or {}), runner_labels(found))
        for number, stage in enumerate(stages, 1)
        for found in stage
        if found.id in wanted
    )
    _check_matrix(planned, matrix or {})
    for entry in planned:
        if entry.job.container:
            raise WorkflowError(
                Place(file, entry.job.line),
                f"job {entry.job.id!r} runs in container {entry.job.container}: it can't run here",
                "name other jobs with --job",
            )
    actions = used_actions(checkout, file, [entry.job for entry in planned])
    return CiPlan(workflow, file, event, planned, actions)


def default_event(workflow: Workflow) -> str:
    """Return the event that a local run is for where none is named: the usual ones first."""
    for event in ("push", "pull_request", "workflow_dispatch"):
        if event in workflow.triggers:
            return event
    return workflow.triggers[0] if workflow.triggers else ""


def runner_labels(job: Job) -> tuple[str, ...]:
    """Return the labels of a job's runners in all combinations."""
    return tuple(
        dict.fromkeys(
            with_matrix(label, values) for values in job.matrix.combinations or ({},) for label in job.runs_on
        )
    )


def job_title(job: Job, values: Combination) -> str:
    """Return the name that GitHub shows for a job in a combination."""
    if job.name:
        return with_matrix(job.name, values)
    return f"{job.id} ({', '.join(value_text(value) for value in values.values())})" if values else job.id


def with_matrix(text: str, values: Combination) -> str:
    """Put the values of a combination in place of `${{ matrix.name }}`; other expressions stay."""
    return MATRIX_VALUE.sub(lambda found: value_text(values[found[1]]) if found[1] in values else found[0], text)


def value_text(value: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(value_text(part) for part in value.values())
    return "" if value is None else str(value)


def _wanted(workflow: Workflow, job: str) -> frozenset[str]:
    ids = [found.id for found in workflow.jobs]
    if job and job not in ids:
        raise Refused(f"{workflow.key} has no job {job!r}", f"jobs: {', '.join(ids)}")
    return with_needs(workflow, [job] if job else ids)


def _combinations(job: Job, matrix: Mapping[str, str]) -> tuple[Combination, ...]:
    return tuple(
        values
        for values in job.matrix.combinations
        if all(value_text(values[name]) == wanted for name, wanted in matrix.items() if name in values)
    )


def _check_matrix(planned: tuple[PlannedJob, ...], matrix: Mapping[str, str]) -> None:
    for name, wanted in matrix.items():
        values = {
            value_text(found[name]) for entry in planned for found in entry.job.matrix.combinations if name in found
        }
        if wanted not in values and not any(entry.job.matrix.dynamic for entry in planned):
            known = f"values of {name}: {', '.join(sorted(values))}" if values else None
            raise Refused(f"no job has {name}={wanted} in its matrix", known)
