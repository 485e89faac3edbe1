"""`invoke ci.run`: a workflow file of the checkout, planned and run on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.actions import Checkout
from optimus_ops.ci.called_workflows import missing_inputs
from optimus_ops.ci.ci_plan import default_event, plan_run
from optimus_ops.ci.plan_text import plan_json, plan_lines
from optimus_ops.ci.run_request import event_of, read_payload
from optimus_ops.ci.workflow_file import find_workflow, read_workflow
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.project.git_checkout import uncommitted
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.run_request import RunRequest
    from optimus_ops.project.settings import Project


def run_workflow(request: RunRequest) -> None:
    """Plan a workflow's run, show the plan, and carry it out.

    Raises:
        OpsError: a job failed.
        Refused: the workflow is malformed, or can't run here as asked.
        MissingPrerequisite: act or the engine is missing.
    """
    project = load_project()
    console = Console.standard(json=request.json)
    if missing := next((name for name in request.secrets if name not in os.environ), ""):
        raise Refused(f"--secret {missing}: the environment has no such variable")
    payload = read_payload(request.event_file) if request.event_file else {}
    plan = _plan(project, request, payload)
    missing_input = missing_inputs(plan.workflow, plan.event, payload)
    if request.plan:
        _show_plan(project, plan, console, json=request.json)
        if missing_input:
            console.say(f"note: a run would be refused: {missing_input}")
        return
    plan.check_possible()
    if missing_input:
        raise Refused(missing_input, 'run one that does, or give --event FILE.json with {"inputs": {"NAME": "VALUE"}}')
    images = _images(project, plan)
    console.say("\n".join(plan_lines(plan, images)))
    if count := uncommitted(project.root):
        console.say(f"note: {count} uncommitted files are not part of the run, which takes the last commit")
    if images:
        from optimus_ops.ci.service_images import make_images  # noqa: PLC0415 - only services need the engine

        make_images(project, images.values(), console)
    from optimus_ops.ci.local_run import LocalRun  # noqa: PLC0415 - a plan needs neither the engine nor reports

    LocalRun(project, request, plan, images, console).carry_out()


def _show_plan(project: Project, plan: CiPlan, console: Console, *, json: bool) -> None:
    if json:
        print_json(plan_json(plan))
        return
    try:
        images = _images(project, plan)
    except MissingPrerequisite as error:
        images = {}
        console.say(f"note: a run would end here: {error}")
    console.say("\n".join(plan_lines(plan, images)))


def _images(project: Project, plan: CiPlan) -> Mapping[str, str]:
    if not any(entry.job.services for entry in plan.leaves if entry.runs):
        return {}
    from optimus_ops.ci.service_images import local_images  # noqa: PLC0415 - as above

    return local_images(project, plan)


def _plan(project: Project, request: RunRequest, payload: Mapping[str, Any]) -> CiPlan:
    workflow = read_workflow(find_workflow(project.root, request.workflow), project.root)
    event = event_of(payload, workflow.triggers) if request.event_file else request.event or default_event(workflow)
    checkout = Checkout(project.root, request.replacements())
    return plan_run(workflow, checkout, event=event, job=request.job, matrix=request.matrix_values())
