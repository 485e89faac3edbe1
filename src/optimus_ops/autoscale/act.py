"""Acting on a decision: by the plan of `scale`, with its lock, its journal and its undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from optimus_ops.balancer.routing import Prober
from optimus_ops.change.history import unfinished
from optimus_ops.change.lock import LockHeld
from optimus_ops.engine.capacity import observe_capacity
from optimus_ops.errors import OpsError
from optimus_ops.model.budget_items import BudgetPolicy
from optimus_ops.model.budgets import Limits
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.scale import scale
from optimus_ops.stack.context import StackContext

Outcome = Literal["done", "skipped", "failed", "restored"]
OWN_COMMAND = ("invoke", "autoscale")


@dataclass(frozen=True, slots=True)
class Action:
    """What became of a change, and why it was not made."""

    outcome: Outcome
    reason: str = ""


def scale_to(
    open_context: Callable[[], StackContext], counts: Mapping[str, int], prober: Prober | None = None
) -> Action:
    """Scale services as `invoke scale` does; a change of somebody else goes first, and is not waited for.

    Where a change was killed nothing is scaled: what is wanted was decided by a stack that was half-way.

    Raises:
        Interrupted: a signal came; what was done is undone.
    """
    # Opened for each change: overlays and files may be others by now.
    context = open_context()
    return recover(context, prober) or _attempt(
        lambda: scale(context, ScaleRequest(counts=dict(counts)), prober), Action("done")
    )


def recover(context: StackContext, prober: Prober | None = None) -> Action | None:
    """Go back to the replicas before a change of an autoscaler that was killed; None where there is none.

    One of somebody else is left to them: only they know whether it was to go on.

    Raises:
        Interrupted: a signal came; what was done is undone.
    """
    change = unfinished(context.journal, context.project.name)
    if change is None:
        return None
    given = " ".join(change.command)
    if change.command[:2] != OWN_COMMAND:
        return Action(
            "skipped",
            f"change {change.id} ({given}) left the stack half-way; on its host, go on by {given}"
            " or go back to the replicas before it by: invoke scale",
        )
    done = Action("restored", f"the replicas before change {change.id} ({given}), which left the stack half-way")
    return _attempt(lambda: scale(context, ScaleRequest(), prober), done)


def _attempt(change: Callable[[], None], done: Action) -> Action:
    try:
        change()
    except LockHeld as error:
        return Action("skipped", error.message)
    except OpsError as error:
        return Action("failed", str(error))
    return done


def observe_limits(context: StackContext, stack: Stack, state: State) -> Limits | None:
    """Return the budgets; None where the database gives no number."""
    try:
        capacity = observe_capacity(context.docker, stack, state)
    except OpsError:
        return None
    return Limits(stack, capacity, BudgetPolicy.of(context.project.budgets))
