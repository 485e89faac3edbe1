"""One change of the stack, from its plan to what runs afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.rollout.executor import StackExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.model.stack import Stack
    from optimus_ops.plan.step import Plan
    from optimus_ops.stack.context import StackContext


def change(
    context: StackContext, make_plan: Callable[[], tuple[Plan, Stack]], after: Callable[[], Any] = lambda: None
) -> None:
    """Plan under the lock, show the plan, carry it out.

    Args:
        context: the stack.
        make_plan: observes and plans; called once. Returns the plan, and the stack that it is made for.
        after: called after the plan was carried out; what it returns stands in the JSON document as `state`.
    """
    with context.run() as run:
        with run.observing():
            plan, stack = make_plan()
        run.execute(plan, StackExecutor(context.compose, context.docker, stack, context.options.deadlines))
        run.finish(after())
