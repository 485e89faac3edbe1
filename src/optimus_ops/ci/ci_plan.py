"""The plan of a local run: which jobs, in which combinations, with what in place of GitHub's parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimus_ops.ci.actions import ActionUse, Checkout, used_actions
from optimus_ops.ci.called_workflows import called_workflow
from optimus_ops.ci.job_names import job_title, runner_labels, value_text
from optimus_ops.ci.job_order import job_stages, with_needs
from optimus_ops.ci.model import Combination, Job, Workflow
from optimus_ops.errors import Refused
from optimus_ops.project.yaml_nodes import YamlError
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER_SYSTEMS = ("windows", "macos")
MOST_CALLS = 10
"""Workflows that GitHub lets call each other in a chain."""


@dataclass(frozen=True)
class Origin:
    """Where a job of the plan is from: its workflow, the checkout of that, the jobs that call it (outermost first)."""

    workflow: Workflow
    checkout: Checkout
    callers: tuple[Job, ...] = ()

    @property
    def file(self) -> str:
        """The workflow's file, relative to its checkout."""
        return self.workflow.path.relative_to(self.checkout.root).as_posix()


@dataclass(frozen=True)
class PlannedJob:
    """A job of the plan, in the combinations that run.

    Args:
        called: the jobs of the workflow that it calls.
        actions: what its steps use.
        problem: why it can't run here, with its place, or "".
    """

    job: Job
    stage: int
    combinations: tuple[Combination, ...]
    labels: tuple[str, ...]
    origin: Origin
    called: tuple[PlannedJob, ...] = ()
    actions: tuple[ActionUse, ...] = ()
    problem: str = ""

    @property
    def runs(self) -> bool:
        """Whether some runner of this machine takes it: Linux."""
        return not any(label.lower().startswith(OTHER_SYSTEMS) for label in self.labels)

    @property
    def id(self) -> str:
        """The id, behind those of the jobs that call it."""
        return " / ".join([*(caller.id for caller in self.origin.callers), self.job.id])

    @property
    def titles(self) -> tuple[str, ...]:
        """The names that GitHub shows, one for each combination."""
        before = "".join(f"{job_title(caller, {})} / " for caller in self.origin.callers)
        return tuple(f"{before}{job_title(self.job, values)}" for values in self.combinations)

    def entries(self) -> Iterator[PlannedJob]:
        """Give this job and all of the workflow that it calls."""
        yield self
        for entry in self.called:
            yield from entry.entries()

    def leaves(self) -> Iterator[PlannedJob]:
        """Give the jobs that have steps: this one, or those of the workflow that it calls."""
        return (entry for entry in self.entries() if not entry.called)


@dataclass(frozen=True)
class CiPlan:
    """What a local run of a workflow will do; `job`, `matrix` and `others` are what was asked for."""

    workflow: Workflow
    file: str
    event: str
    jobs: tuple[PlannedJob, ...]
    actions: tuple[ActionUse, ...]
    job: str = ""
    matrix: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Path] = field(default_factory=dict)

    @property
    def leaves(self) -> tuple[PlannedJob, ...]:
        """All jobs that have steps, those of called workflows included."""
        return tuple(leaf for entry in self.jobs for leaf in entry.leaves())

    @property
    def called_files(self) -> frozenset[str]:
        """The workflows of the same checkout that this one calls, directly or not."""
        entries = (inner for outer in self.jobs for inner in outer.entries())
        own = (entry.origin for entry in entries if entry.origin.checkout.caller is None)
        return frozenset(origin.file for origin in own if origin.callers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The runner labels that this machine stands in for."""
        return tuple(dict.fromkeys(label for planned in self.leaves if planned.runs for label in planned.labels))

    def check_possible(self) -> None:
        """Refuse a plan with a job that can't run on this machine.

        Raises:
            Refused: with place and reason of the first.
        """
        for entry in (inner for outer in self.jobs for inner in outer.entries()):
            if entry.problem and entry.runs:
                raise Refused(entry.problem, "name other jobs with --job")


def plan_run(
    workflow: Workflow, checkout: Checkout, *, event: str, job: str = "", matrix: Mapping[str, str] | None = None
) -> CiPlan:
    """Plan a run of a workflow, or of one of its jobs with all that it needs.

    Raises:
        YamlError: the workflow, or one that it calls, is malformed.
        Refused: no such job, event or value of the matrix.
    """
    file = workflow.path.relative_to(checkout.root).as_posix()
    job_stages(workflow, file)
    if event not in workflow.triggers:
        raise Refused(f"{file} does not run on {event!r}", f"events: {', '.join(workflow.triggers)}")
    wanted = _wanted(workflow, job)
    planned = tuple(_planned(Origin(workflow, checkout), wanted, matrix or {}))
    _check_matrix(planned, matrix or {})
    actions: dict[str, ActionUse] = {}
    for use in (use for outer in planned for entry in outer.entries() for use in entry.actions):
        actions.setdefault(use.uses, use)
    return CiPlan(workflow, file, event, planned, tuple(actions.values()), job, matrix or {}, checkout.others)


def default_event(workflow: Workflow) -> str:
    """Return the event that a local run is for where none is named: the usual ones first."""
    for event in ("push", "pull_request", "workflow_dispatch"):
        if event in workflow.triggers:
            return event
    return workflow.triggers[0] if workflow.triggers else ""


def _planned(origin: Origin, wanted: frozenset[str], matrix: Mapping[str, str]) -> Iterator[PlannedJob]:
    for number, stage in enumerate(job_stages(origin.workflow, origin.file), 1):
        for job in stage:
            if job.id in wanted:
                yield _planned_job(origin, job, number, matrix)


def _planned_job(origin: Origin, job: Job, stage: int, matrix: Mapping[str, str]) -> PlannedJob:
    actions = used_actions(origin.checkout, origin.file, (job,))
    called = tuple(_called(origin, job, matrix)) if job.uses else ()
    problem = next(_problems(origin.file, job, actions), "")
    combinations = _combinations(job, matrix)
    return PlannedJob(job, stage, combinations, runner_labels(job), origin, called, actions, problem)


def _called(origin: Origin, job: Job, matrix: Mapping[str, str]) -> Iterator[PlannedJob]:
    place = Place(origin.file, job.line)
    if len(origin.callers) >= MOST_CALLS:
        raise YamlError(place, f"more than {MOST_CALLS} workflows call each other")
    if found := called_workflow(origin.checkout, job, place):
        workflow, root = found
        checkout = origin.checkout if root == origin.checkout.root else origin.checkout.other(root)
        inside = Origin(workflow, checkout, (*origin.callers, job))
        yield from _planned(inside, frozenset(inner.id for inner in workflow.jobs), matrix)


def _problems(file: str, job: Job, actions: tuple[ActionUse, ...]) -> Iterator[str]:
    place = Place(file, job.line)
    if job.container:
        yield f"{place}: job {job.id!r} runs in container {job.container}: it can't run here"
    for step in job.steps:
        if step.concurrent:
            yield f"{Place(file, step.line)}: `{step.concurrent}`: steps beside each other can't run here"
    for use in actions:
        if use.problem:
            yield f"{use.place}: {use.problem}"


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


def _check_matrix(entries: tuple[PlannedJob, ...], matrix: Mapping[str, str]) -> None:
    for name, wanted in matrix.items():
        values = {
            value_text(found[name]) for entry in entries for found in entry.job.matrix.combinations if name in found
        }
        if wanted not in values and not any(entry.job.matrix.dynamic for entry in entries):
            known = f"values of {name}: {', '.join(sorted(values))}" if values else None
            raise Refused(f"no job has {name}={wanted} in its matrix", known)
