"""Replacing the replicas of services amid a rotation, by the steps of `invoke deploy --force`, in the same lock."""

from __future__ import annotations

from collections.abc import Sequence

from optimus_ops.balancer.routing import Prober
from optimus_ops.rollout.deploy import deploy_spec, make_plan, observe
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.requests import DeployRequest
from optimus_ops.stack.context import StackContext
from optimus_ops.text.console import Progress


def replace_services(
    context: StackContext, services: Sequence[str], progress: Progress, prober: Prober | None = None
) -> None:
    """Replace all replicas of services, new ones first; what fails goes back to what was there.

    Raises:
        OpsError: it failed, or can't be done.
    """
    request = DeployRequest(tuple(services), observe=0, asking="never", force=True)
    stack, state = observe(context, request.services)
    stack, plan = make_plan(context, state, deploy_spec(context, stack, state, request))
    executor = StackExecutor.of(context, stack, prober)
    executor.begin()
    # Its own note would be the step's; what is said last stays.
    shown = Progress(progress.title, progress.show)
    try:
        for step in plan.steps:
            progress.show(step.text)
            if not executor.applied(step):
                executor.carry_out(step, shown)
    except (Exception, KeyboardInterrupt):
        executor.undo(shown)
        raise
