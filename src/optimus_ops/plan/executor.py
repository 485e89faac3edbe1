"""Executing a plan: steps in order, shown and journalled; on failure or interruption what was done is undone."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any, Protocol

from optimus_ops.errors import Interrupted, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.console import Console, Progress
    from optimus_ops.plan.journal import Journal
    from optimus_ops.plan.steps import Plan, Step


class Actor(Protocol):
    """What carries steps out."""

    def act(self, step: Step, progress: Progress) -> None:
        """Carry one step out, to its end; raise `OpsError` if it fails."""

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put back what was there before the first step; return what was undone, a line each."""


def execute(plan: Plan, actor: Actor, console: Console, journal: Journal) -> None:
    """Carry out a plan.

    Raises:
        OpsError: a step failed, and the steps before it were undone; or everything was done, but not without loss.
        Interrupted: a signal came; what was done was undone.
    """
    count = len(plan.steps)
    complaints: list[str] = []
    try:
        for number, step in enumerate(plan.steps, start=1):
            complaints.extend(_step(step, f"[{number}/{count}]", actor, console, journal))
    except (Exception, KeyboardInterrupt) as error:
        # Whatever it is, a mistake of ours included: nothing is left half-way.
        interrupted = isinstance(error, KeyboardInterrupt | Interrupted)
        journal.write("failed", error=str(error) or "stopped on request", interrupted=interrupted)
        _undo(actor, console, journal)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(signal.SIGINT) from None
        raise
    journal.write("done", complaints=complaints)
    if complaints:
        raise OpsError("done as planned, but:\n    " + "\n    ".join(complaints))


def _step(step: Step, number: str, actor: Actor, console: Console, journal: Journal) -> list[str]:
    began = time.monotonic()
    journal.write("step", step=step.as_json())
    with console.step(step.text, number=number) as progress, _to_its_end(step, console):
        actor.act(step, progress)
    seconds = round(time.monotonic() - began, 3)
    journal.write("step-done", step=step.kind, seconds=seconds, note=progress.note, complaints=progress.complaints)
    for complaint in progress.complaints:
        console.say(f"  ! {complaint}")
    return progress.complaints


def _undo(actor: Actor, console: Console, journal: Journal) -> None:
    with uninterrupted(console, "undoing, please wait"):
        facts: dict[str, Any]
        try:
            with console.step("undo what was done") as progress:
                undone = actor.undo(progress)
            facts = {"undone": list(undone)}
        except OpsError as error:
            facts = {"error": str(error)}
            console.say(f"  could not undo everything: {error}")
        journal.write("undo", **facts)


def _to_its_end(step: Step, console: Console) -> contextlib.AbstractContextManager[None]:
    """Let a step that can't be taken back end; what comes after it is interrupted."""
    if not step.final:
        return contextlib.nullcontext()
    return uninterrupted(console, "too late to stop: ending what can't be taken back")


@contextlib.contextmanager
def uninterrupted(console: Console, say: str) -> Iterator[None]:
    """Let no SIGINT or SIGTERM cut something short; say that it is under way instead."""

    def tell(_number: int, _frame: object) -> None:
        console.say(f"  {say}")

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
