"""`invoke migrate`."""

from __future__ import annotations

from optimus_ops.balancer.routing import Prober
from optimus_ops.plan.checks import check_checkout
from optimus_ops.plan.scale import plan_migrate
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import observe_inputs


def migrate(context: StackContext, prober: Prober | None = None) -> None:
    """Run the migrations job once, with the stores that it needs."""
    with context.run() as run:
        with run.observing():
            files, state = context.observe()
            check_checkout(state, context.project.real_folder)
            inputs = observe_inputs(context.compose, context.docker, files, state, building=False)
            plan = plan_migrate(files.stack, state, inputs)
        run.execute(plan, StackExecutor.of(context, files.stack, prober))
        run.finish()
