"""Noticing what a plan should tell though it does nothing about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.engine.leftovers import last_lines, observe_leftovers
from optimus_ops.model.state import ended_badly
from optimus_ops.plan.notes import Noticed

if TYPE_CHECKING:
    from optimus_ops.model.state import State
    from optimus_ops.stack.context import StackContext
    from optimus_ops.stack.observed_inputs import WantedStack


def notice(session: StackContext, wanted: WantedStack, state: State) -> Noticed:
    """Return what ended and what it said last, and what is left over.

    Args:
        session: the project.
        wanted: what the files say.
        state: what runs.
    """
    docker, stack = session.docker, wanted.stack
    said = last_lines(docker, ended_badly(state, stack.jobs))
    return Noticed(said, observe_leftovers(docker, session.compose, wanted.document, stack, state))
