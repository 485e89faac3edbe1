"""What happens during a change, as a stream of events that console, journal and JSON lines subscribe to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from optimus_ops.plan.step import Step
from optimus_ops.text.console import Progress


class Event:
    """Something that happens during a change."""


@dataclass(frozen=True)
class StepStarted(Event):
    """A step begins; `progress` is shown while it runs."""

    number: int
    count: int
    step: Step
    progress: Progress = field(repr=False)


@dataclass(frozen=True)
class StepNote(Event):
    """How far the step is, or what it is doing just now."""

    text: str


@dataclass(frozen=True)
class StepDone(Event):
    """A step ended well; each complaint is something that went wrong without being a reason to stop."""

    step: Step
    seconds: float
    note: str
    complaints: tuple[str, ...]


@dataclass(frozen=True)
class StepFailed(Event):
    """A step raised."""

    step: Step


@dataclass(frozen=True)
class ChangeFailed(Event):
    """A step failed, or a signal arrived; what was done is undone next."""

    error: str
    interrupted: bool


@dataclass(frozen=True)
class UndoStarted(Event):
    """The undo begins."""

    progress: Progress = field(repr=False)


@dataclass(frozen=True)
class UndoDone(Event):
    """The undo ended; `error` says what could not be undone."""

    undone: tuple[str, ...]
    error: str = ""


@dataclass(frozen=True)
class ChangeDone(Event):
    """All steps were carried out."""

    complaints: tuple[str, ...]


@dataclass(frozen=True)
class Notice(Event):
    """A line for whoever watches."""

    text: str


Subscriber = Callable[[Event], None]
