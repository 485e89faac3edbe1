"""Executing a plan: steps in order; on failure or interruption what was done is undone."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from optimus_ops.change import events
from optimus_ops.change.signals import interruptible, uninterrupted
from optimus_ops.change.undo_stack import UndoFailed, UndoStack
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Plan, Step
from optimus_ops.text.console import Progress

STEP_SECONDS = 1800.0
"""Builds and pulls end by themselves after half an hour; everything else takes seconds."""

Handler = Callable[[Any, Progress], None]


class StepExecutor:
    """Carries the steps of one kind of change out, and takes them back.

    Handlers are looked up by the type of a step. What can be taken back is pushed on `undo_stack` before or while it is
    done, so that a step that fails half-way is undone as well.
    """

    @functools.cached_property
    def undo_stack(self) -> UndoStack:
        """What takes the steps back."""
        return UndoStack()

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out; it raises `OpsError` if it fails."""
        return {}

    def begin(self) -> Mapping[str, Any] | None:
        """Note what is there before the first step; return what the journal keeps of it (`facts_of`)."""
        return None

    def longest(self, plan: Plan) -> float:
        """Return how many seconds a plan may take at most, an undo not counted."""
        return STEP_SECONDS * len(plan.steps)

    def applied(self, step: Step) -> bool:  # noqa: ARG002 - for those that can tell
        """Tell by observing whether a step was carried out already, by a run that was killed."""
        return False

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out, to its end."""
        handler = self.handlers.get(type(step))
        if handler is None:
            raise OpsError(f"no way to carry out a step of kind {step.kind!r}")
        with self.translated(step):
            handler(step, progress)

    def translated(self, step: Step) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 - for overriding
        """Return a context that turns foreign errors (of Redis, of the system) into `OpsError`."""
        return contextlib.nullcontext()

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Take back what was done, last first; return what was undone, a line each.

        Raises:
            OpsError: something could not be undone; everything else was.
        """
        undone = self.undo_stack.unwind()
        progress.note = ", ".join(undone) or "there was nothing to undo"
        return undone


def execute(plan: Plan, executor: StepExecutor, notify: events.Subscriber) -> None:
    """Carry out a plan.

    Raises:
        OpsError: a step failed, and the steps before it were undone; or everything was done, but not without loss.
        Interrupted: a signal came; what was done was undone.
    """
    complaints: list[str] = []
    try:
        with interruptible() as check:
            for number, step in enumerate(plan.steps, start=1):
                complaints.extend(_step(step, number, len(plan.steps), executor, notify))
                check()
    except (Exception, KeyboardInterrupt) as error:
        # Whatever it is, a mistake of ours included: nothing is left half-way.
        notify(
            events.ChangeFailed(str(error) or "stopped on request", interrupted=isinstance(error, KeyboardInterrupt))
        )
        _undo(executor, notify)
        raise
    notify(events.ChangeDone(tuple(complaints)))
    if complaints:
        raise OpsError("done as planned, but:\n    " + "\n    ".join(complaints))


def _step(step: Step, number: int, count: int, executor: StepExecutor, notify: events.Subscriber) -> list[str]:
    progress = Progress(step.text, listener=lambda text: notify(events.StepNote(text)))
    notify(events.StepStarted(number, count, step, progress))
    began = time.monotonic()
    try:
        with _to_its_end(step, notify):
            if executor.applied(step):
                progress.note = "done already"
            else:
                executor.carry_out(step, progress)
    except BaseException:
        notify(events.StepFailed(step))
        raise
    notify(events.StepDone(step, time.monotonic() - began, progress.note, tuple(progress.complaints)))
    return progress.complaints


def _undo(executor: StepExecutor, notify: events.Subscriber) -> None:
    progress = Progress("undo what was done", listener=lambda text: notify(events.StepNote(text)))
    with uninterrupted(lambda: notify(events.Notice("undoing, please wait"))):
        notify(events.UndoStarted(progress))
        try:
            done = events.UndoDone(executor.undo(progress))
        except UndoFailed as error:
            done = events.UndoDone(error.undone, str(error))
        except OpsError as error:
            done = events.UndoDone((), str(error))
        except Exception as error:
            notify(events.UndoDone((), f"{type(error).__name__}: {error}"))
            raise
        notify(done)


def _to_its_end(step: Step, notify: events.Subscriber) -> contextlib.AbstractContextManager[None]:
    """Let a step that can't be taken back end; what comes after it is interrupted."""
    if not step.final:
        return contextlib.nullcontext()
    return uninterrupted(lambda: notify(events.Notice("too late to stop: ending what can't be taken back")))
