"""Who follows a change: the console, the journal, and a file of JSON lines for other programs."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.change import events
from optimus_ops.change.journal import Journal
from optimus_ops.errors import OpsError, Refused
from optimus_ops.system.clock import iso_now
from optimus_ops.system.output_masking import masked_document
from optimus_ops.text.console import Console

EVENTS_VARIABLE = "OPTIMUS_EVENTS"
"""Names a file that the events of a change are appended to, one JSON object a line."""


@dataclass
class ConsoleSubscriber:
    """Shows each step while it runs, and its time at the end."""

    console: Console
    _shown: ExitStack = field(default_factory=ExitStack)

    def __call__(self, event: events.Event) -> None:
        """Show an event."""
        match event:
            case events.StepStarted(number=number, count=count, progress=progress):
                self._shown.enter_context(self.console.showing(progress, number=f"[{number}/{count}]"))
            case events.UndoStarted(progress=progress):
                self._shown.enter_context(self.console.showing(progress))
            case events.StepDone(complaints=complaints):
                self._shown.close()
                for complaint in complaints:
                    self.console.say(f"  ! {complaint}")
            case events.StepFailed():
                self._close(failed=True)
            case events.UndoDone(error=error):
                self._close(failed=bool(error))
                if error:
                    self.console.say(f"  could not undo everything: {error}")
            case events.Notice(text=text):
                self.console.say(f"  {text}")

    def _close(self, *, failed: bool) -> None:
        error = OpsError("failed") if failed else None
        self._shown.__exit__(type(error) if error else None, error, None)


@dataclass(frozen=True)
class JournalSubscriber:
    """Writes the events that `invoke history` reads."""

    journal: Journal

    def __call__(self, event: events.Event) -> None:
        """Append an event to the journal."""
        if (line := journal_line(event)) is not None:
            name, facts = line
            self.journal.write(name, **facts)


def journal_line(event: events.Event) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the facts of an event in the journal; None for what is only shown."""
    match event:
        case events.StepStarted(step=step):
            return "step", {"step": step.as_json()}
        case events.StepDone(step=step, seconds=seconds, note=note, complaints=complaints):
            return "step-done", {
                "step": step.kind,
                "seconds": round(seconds, 3),
                "note": note,
                "complaints": list(complaints),
            }
        case events.ChangeFailed(error=error, interrupted=interrupted):
            return "failed", {"error": error, "interrupted": interrupted}
        case events.UndoDone(undone=undone, error=error):
            return "undo", {"error": error, "undone": list(undone)} if error else {"undone": list(undone)}
        case events.ChangeDone(complaints=complaints):
            return "done", {"complaints": list(complaints)}
    return None


@dataclass(frozen=True)
class JsonLinesSubscriber:
    """Appends every event to a file that another program follows."""

    descriptor: int

    @classmethod
    def open(cls, path: str) -> JsonLinesSubscriber:
        """Open the file."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            return cls(os.open(path, flags, 0o600))
        except OSError as error:
            raise Refused(f"{EVENTS_VARIABLE}={path} can't be written: {error.strerror}") from error

    def __call__(self, event: events.Event) -> None:
        """Append an event; a reader that has left, or a full disk, is no reason to stop."""
        name, facts = journal_line(event) or _shown_only(event)
        line = json.dumps({"at": iso_now(), "event": name, **masked_document(facts)}, default=str)
        try:
            os.write(self.descriptor, line.encode() + b"\n")
        except OSError:
            return


def _shown_only(event: events.Event) -> tuple[str, dict[str, Any]]:
    match event:
        case events.StepNote(text=text) | events.Notice(text=text):
            return "note", {"text": text}
        case events.StepFailed(step=step):
            return "step-failed", {"step": step.kind}
    return "undo-started", {}


def fan_out(*subscribers: events.Subscriber) -> events.Subscriber:
    """Return a subscriber that passes each event on to several, in their order."""

    def notify(event: events.Event) -> None:
        for subscriber in subscribers:
            subscriber(event)

    return notify
