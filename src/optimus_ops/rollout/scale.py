"""`invoke scale`, `up`, `migrate` and `down`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optimus_ops.engine.disk import check_disk
from optimus_ops.engine.ports import check_ports
from optimus_ops.engine.subnets import check_subnets
from optimus_ops.model.budget_items import BudgetPolicy
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.plan.differences import noting_differences
from optimus_ops.plan.down import plan_down
from optimus_ops.plan.leftovers import check_networks, clear_containers, clear_one_offs, clear_rest, replaced_images
from optimus_ops.plan.notes import leftover_notes, with_notes
from optimus_ops.plan.scale import (
    ScaleRequest,
    check_checkout,
    plan_migrate,
    plan_scale,
)
from optimus_ops.rollout.budget_check import BudgetCheck
from optimus_ops.rollout.change import change
from optimus_ops.rollout.moved_tags import moved_while_idle
from optimus_ops.rollout.notices import notice
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import look_at_given, observe_inputs
from optimus_ops.stack.overlays import check_switch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.model.stack import Stack
    from optimus_ops.plan.step import Plan


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Args:
        request: the numbers.
        overlays: overlays beside those that are always on.
        fit_pool: whether database pools are cut where the numbers would not fit.
        remove_orphans: whether what is left over is removed as well.
    """

    request: ScaleRequest
    overlays: tuple[str, ...] = ()
    fit_pool: bool = False
    remove_orphans: bool = False


def scale(wanted: Wanted, options: ChangeOptions) -> None:
    """Bring the stack up with the requested numbers of replicas, proven through the balancer."""
    session = StackContext.open(wanted.overlays, options)

    def make_plan() -> tuple[Plan, Stack]:
        files, state = session.look()
        stack = files.stack
        check_checkout(state, session.project.real_folder)
        session.check_known(stack, [*wanted.request.counts, *wanted.request.build])
        check_switch(session.project, wanted.overlays, session.docker.files(session.project.name))
        check_ports(stack, state)
        check_subnets(session.docker, files.document)
        check_disk(session.docker.root)
        around = observe_inputs(session.compose, session.docker, files, state, building=bool(wanted.request.build))
        moved, unanswered = moved_while_idle(session.docker, stack, state)
        around = replace(around, before=session.running_before(), moved=moved)
        around = look_at_given(around, session.compose, session.docker, files, state)
        noticed = notice(session, files, state)
        request = wanted.request

        def complete(plan: Plan) -> Plan:
            replaced = replaced_images(plan, stack, state, around.images)
            leftovers = replace(noticed.leftovers, images=(*noticed.leftovers.images, *replaced))
            clear = (*clear_containers(leftovers), *clear_rest(leftovers)) if wanted.remove_orphans else ()
            rest = replace(noticed, leftovers=Leftovers() if wanted.remove_orphans else leftovers)
            noted = with_notes(replace(plan, steps=(*plan.steps, *clear)), stack, state, rest)
            return noting_differences(noted, stack, state, around.versions).noting(unanswered)

        plan = plan_scale(stack, state, request, around)
        budgeting = BudgetCheck(session.docker, stack, state, request.counts, BudgetPolicy.of(session.project.budgets))
        if wanted.fit_pool and (environment := budgeting.pools_that_fit(plan)):
            request = replace(request, environment=environment)
            return complete(plan_scale(stack, state, request, around)), stack
        return complete(budgeting.checked(plan)), stack

    change(session, make_plan, lambda: summary(session))


def migrate(overlays: Sequence[str], options: ChangeOptions) -> None:
    """Run the migrations job once, with the stores that it needs."""
    session = StackContext.open(overlays, options)

    def make_plan() -> tuple[Plan, Stack]:
        files, state = session.look()
        check_checkout(state, session.project.real_folder)
        around = observe_inputs(session.compose, session.docker, files, state, building=False)
        return plan_migrate(files.stack, state, around), files.stack

    change(session, make_plan)


def down(overlays: Sequence[str], options: ChangeOptions, *, prune_network: bool, remove_orphans: bool = False) -> None:
    """Stop and remove every container of the project, whether its files can be read or not; volumes stay.

    Args:
        overlays: overlays beside those that are always on.
        options: the flags that every change has.
        prune_network: whether the networks are removed as well.
        remove_orphans: whether what is left over goes, too.

    Raises:
        Refused: a network is to be removed that something stays connected to.
    """
    session = StackContext.open_to_stop(overlays, options)

    def make_plan() -> tuple[Plan, Stack]:
        files, state = session.look_to_stop()
        noticed = notice(session, files, state)
        leftovers = noticed.leftovers
        networks = session.docker.networks(session.project.name) if prune_network else ()
        plan = plan_down(files.stack, state, networks)
        one_offs = {replica.id for replica in leftovers.one_offs}
        leaving = state.ids | one_offs if remove_orphans else state.ids
        check_networks({name: session.docker.network_users(name) for name in networks}, leaving, one_offs)
        if remove_orphans:
            rest = clear_rest(replace(leftovers, networks=tuple(set(leftovers.networks) - set(networks))))
            return replace(plan, steps=(*clear_one_offs(leftovers), *plan.steps, *rest)), files.stack
        leftovers = replace(leftovers, networks=tuple(set(leftovers.networks) - set(networks)))
        return plan.noting(leftover_notes(leftovers.without(state.ids))), files.stack

    change(session, make_plan)


def summary(session: StackContext) -> dict[str, Any]:
    """Return what runs now, service by service, and say it on the console."""
    state = session.docker.observe(session.project.name)
    services = sorted({replica.service for replica in state.replicas if replica.running})
    counts = {name: sum(replica.ready for replica in state.of(name)) for name in services}
    session.console.say(f"{session.project.name}: " + ", ".join(f"{name}={count}" for name, count in counts.items()))
    return {
        name: [
            {"name": replica.name, "hostname": replica.hostname, "ready": replica.ready, "image": replica.image}
            for replica in state.running(name)
        ]
        for name in services
    }
