"""`invoke down`: every container of the project stopped and removed, volumes kept."""

from __future__ import annotations

from dataclasses import replace

from optimus_ops.balancer.routing import Prober
from optimus_ops.model.stack import Stack
from optimus_ops.plan.checks import check_networks
from optimus_ops.plan.down import plan_down
from optimus_ops.plan.leftovers import remove_containers, remove_unused
from optimus_ops.plan.notes import leftover_notes
from optimus_ops.plan.step import Plan
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.requests import DownRequest
from optimus_ops.rollout.summary import observe_notices
from optimus_ops.stack.context import StackContext


def down(context: StackContext, request: DownRequest, prober: Prober | None = None) -> None:
    """Stop and remove every container, whether the Compose files can be read or not."""
    with context.run() as run:
        with run.observing():
            stack, plan = make_plan(context, request)
        run.execute(plan, StackExecutor.of(context, stack, prober))
        run.finish()


def make_plan(context: StackContext, request: DownRequest) -> tuple[Stack, Plan]:
    """Return the stack as far as it is known, and the plan."""
    files, state = context.observe_to_stop()
    leftovers = observe_notices(context, files, state).leftovers
    networks = context.docker.networks(context.project.name) if request.prune_network else ()
    plan = plan_down(files.stack, state, networks)
    one_offs = {replica.id for replica in leftovers.one_offs}
    leaving = state.ids | one_offs if request.remove_orphans else state.ids
    check_networks({name: context.docker.network_users(name) for name in networks}, leaving, one_offs)
    leftovers = replace(leftovers, networks=tuple(set(leftovers.networks) - set(networks)))
    if request.remove_orphans:
        return files.stack, replace(
            plan, steps=(*remove_containers(leftovers.one_offs), *plan.steps, *remove_unused(leftovers))
        )
    return files.stack, plan.noting(leftover_notes(leftovers.without(state.ids)))
