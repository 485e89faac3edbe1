"""What a plan mentions though it does nothing about it."""

from __future__ import annotations

from optimus_ops.engine.leftovers import last_lines, observe_leftovers
from optimus_ops.model.state import State, ended_badly
from optimus_ops.plan.notes import Notices
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import WantedStack


def observe_notices(context: StackContext, files: WantedStack, state: State) -> Notices:
    """Observe the last output of what ended badly, and leftovers."""
    output = last_lines(context.docker, ended_badly(state, files.stack.jobs))
    leftovers = observe_leftovers(context.docker, context.compose, files.document, files.stack, state)
    return Notices(output, leftovers)
