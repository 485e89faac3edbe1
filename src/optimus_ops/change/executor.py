"""Executing a plan: steps in order, shown and journalled; on failure or interruption what was done is undone."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any, Protocol

from optimus_ops.errors import Interrupted, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from optimus_ops.change.journal import Journal
    from optimus_ops.plan.step import Plan, Step
    from optimus_ops.text.console import Console, Progress


class StepExecutor(Protocol):
    """What carries steps out."""

    def act(self, step: Step, progress: Progress) -> None:
        """Carry one step out, to its end; raise `OpsError` if it fails."""

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put back what was there before the first step; return what was undone, a line each."""


def execute(plan: Plan, actor: StepExecutor, console: Console, journal: Journal) -> None:
    """Carry out a plan.

    Raises:
        OpsError: a step failed, and the steps before it were undone; or everything was done, but not without loss.
        Interrupted: a signal came; what was done was undone.
    """
    count = len(plan.steps)
    complaints: list[str] = []
    try:
        with interruptible() as check:
            for number, step in enumerate(plan.steps, start=1):
                complaints.extend(_step(step, f"[{number}/{count}]", actor, console, journal))
                check()
    except (Exception, KeyboardInterrupt) as error:
        # Whatever it is, a mistake of ours included: nothing is left half-way.
        interrupted = isinstance(error, KeyboardInterrupt)
        journal.write("failed", error=str(error) or "stopped on request", interrupted=interrupted)
        _undo(actor, console, journal)
        raise
    journal.write("done", complaints=complaints)
    if complaints:
        raise OpsError("done as planned, but:\n    " + "\n    ".join(complaints))


def _step(step: Step, number: str, actor: StepExecutor, console: Console, journal: Journal) -> list[str]:
    began = time.monotonic()
    journal.write("step", step=step.as_json())
    with console.step(step.text, number=number) as progress, _to_its_end(step, console):
        actor.act(step, progress)
    seconds = round(time.monotonic() - began, 3)
    journal.write("step-done", step=step.kind, seconds=seconds, note=progress.note, complaints=progress.complaints)
    for complaint in progress.complaints:
        console.say(f"  ! {complaint}")
    return progress.complaints


def _undo(actor: StepExecutor, console: Console, journal: Journal) -> None:
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
def interruptible() -> Iterator[Callable[[], None]]:
    """Let SIGINT and SIGTERM raise `Interrupted`, also where what they raised was lost.

    Python throws away what is raised while an object is being freed, and a library may catch all there is: the
    function that this yields raises it again. A signal that was ignored before (as `nohup … &` does) still is.
    """
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        came.append(number)
        raise Interrupted(number)

    def check() -> None:
        if came:
            raise Interrupted(came[0])

    with _handled_by(note):
        yield check


@contextlib.contextmanager
def uninterrupted(console: Console, say: str) -> Iterator[None]:
    """Let no SIGINT or SIGTERM cut something short; say that it is under way instead."""

    def tell(_number: int, _frame: object) -> None:
        console.say(f"  {say}")

    with _handled_by(tell):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Set a handler for SIGINT and SIGTERM where they are not ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = {number: former for number, former in before.items() if former != signal.SIG_IGN}
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number, former in heard.items():
            signal.signal(number, former)
