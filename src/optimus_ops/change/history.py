"""Reading the journal: what was changed, by whom, and how it ended. Torn or malformed lines are passed over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from optimus_ops.change.journal import change_files, is_written
from optimus_ops.plan.steps import Keep, Start
from optimus_ops.system.clock import boot_seconds

Event = dict[str, Any]


class Outcome(StrEnum):
    """How a change ended, or that it has not."""

    DONE = "done"
    UNDONE = "failed and undone"
    HALF_UNDONE = "undone incompletely"
    INTERRUPTED = "interrupted"
    UNFINISHED = "unfinished"
    RUNNING = "running"


class Result(StrEnum):
    """What became of a step."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CUT_SHORT = "cut short"
    RUNNING = "running"
    NOT_REACHED = "not reached"


REPLICA_PURPOSES = frozenset({"scale", "up", "down", "deploy", "rollback"})
"""Purposes of plans that decide how many replicas run; others (images, secrets, migrations, Redis) leave them alone."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a change; `seconds` is None if it did not end."""

    text: str
    cause: str
    result: Result
    seconds: float | None = None
    note: str = ""
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a stack.

    Args:
        seconds: from its beginning to what was written last, or until now if it is running; None if not known.
        before: what was there before the first step (`journal.facts_of`).
        replaced: service that a rollout replaced -> ids of the images it ran before, () where these stayed.
    """

    id: int
    at: str
    user: str
    host: str
    command: tuple[str, ...]
    purpose: str
    outcome: Outcome
    seconds: float | None
    steps: tuple[StepRecord, ...]
    error: str
    undone: tuple[str, ...]
    before: Mapping[str, Any]
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return asdict(self)

    @property
    def settled(self) -> bool | None:
        """Tell whether the stack's replicas were left as somebody wanted them; None where they were left as found."""
        if self.purpose not in REPLICA_PURPOSES:
            return None
        if self.outcome in {Outcome.UNFINISHED, Outcome.HALF_UNDONE}:
            return False
        return True if self.outcome is Outcome.DONE else None

    def running_before(self) -> dict[str, int]:
        """Return service -> how many replicas ran before the first step, as far as it was written down."""
        counts = {name: facts.get("running") for name, facts in self.before.items() if isinstance(facts, dict)}
        return {name: count for name, count in counts.items() if type(count) is int}


@dataclass(frozen=True, slots=True)
class History:
    """A project's changes, newest first, and the names of files that hold nothing that this user can read."""

    changes: tuple[Change, ...] = ()
    unreadable: tuple[str, ...] = ()


def read_history(folder: Path, project: str) -> History:
    """Read a project's journal."""
    found = tuple(_read(folder, project))
    return History(
        tuple(change for _name, change in found if change is not None),
        tuple(name for name, change in found if change is None),
    )


def _read(folder: Path, project: str) -> Iterator[tuple[str, Change | None]]:
    """Yield name of a file and its change (None: nothing readable in it), newest first, each read when it is wanted."""
    for number, path in reversed(change_files(folder, project)):
        try:
            # In this order: a writer that ends in between has written its end.
            now = boot_seconds() if is_written(path) else None
            yield path.name, parse_change(number, path.read_bytes(), now=now)
        except FileNotFoundError:
            continue
        except OSError:
            yield path.name, None


def unfinished(folder: Path, project: str) -> Change | None:
    """Return the change that left the stack half-way, if the latest one did.

    That is one whose process died before its end, or that could not be undone. Changes after it that were undone led
    back to where it had left the stack, and of several such changes only the first found it whole: so `before` is that
    of the earliest since the stack was last as somebody wanted it.
    """
    found: Change | None = None
    for _name, change in _read(folder, project):
        if change is None:
            continue
        if change.settled:
            break
        if change.settled is False:
            found = replace(found or change, before=change.before or (found.before if found else {}))
    return found


def parse_change(number: int, raw: bytes, *, now: float | None) -> Change | None:
    """Return the change that a file tells of; None if no line has its beginning.

    If its writer lives, `now` are the seconds since the machine started.
    """
    events = list(parse_events(raw))
    begin = next((event for event in events if event["event"] == "begin"), None)
    if begin is None:
        return None
    plan = _object(begin.get("plan"))
    outcome = _outcome(events, alive=now is not None)
    failed = _last(events, "failed")
    return Change(
        id=number,
        at=_text(begin.get("at")),
        user=_text(begin.get("user")),
        host=_text(begin.get("host")),
        command=_texts(begin.get("command")),
        purpose=_text(plan.get("purpose")),
        outcome=outcome,
        seconds=_between(begin, {"boot_seconds": now} if outcome is Outcome.RUNNING else events[-1]),
        steps=tuple(_steps(_array(plan.get("steps")), events, outcome)),
        error=_text(failed.get("error")),
        undone=_texts(_last(events, "undo").get("undone")),
        before=_object(begin.get("before")),
        replaced=_replaced(_array(plan.get("steps"))),
    )


def _replaced(steps: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Return what a rollout's batches start anew, with the images that it keeps; a new configuration keeps none."""
    objects = [_object(step) for step in steps]
    batches = [step for step in objects if step.get("step") == Start.kind and _text(step.get("part"))]
    started = (_text(pair[0]) for step in batches for pair in map(_array, _array(step.get("counts"))) if pair)
    kept = {_text(step.get("service")): _texts(step.get("images")) for step in objects if step.get("step") == Keep.kind}
    return {name: kept.get(name, ()) for name in (*started, *kept) if name}


def parse_events(raw: bytes) -> Iterable[Event]:
    """Give the events of a journal's lines."""
    for line in raw.split(b"\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            yield event


def _outcome(events: list[Event], *, alive: bool) -> Outcome:
    failed, undo = _last(events, "failed"), _last(events, "undo")
    if undo.get("error"):
        return Outcome.HALF_UNDONE
    if undo:
        return Outcome.INTERRUPTED if failed.get("interrupted") else Outcome.UNDONE
    if _last(events, "done"):
        return Outcome.DONE
    return Outcome.RUNNING if alive else Outcome.UNFINISHED


def _steps(planned: list[Any], events: list[Event], outcome: Outcome) -> Iterable[StepRecord]:
    begun = [event for event in events if event["event"] == "step"]
    ended = [event for event in events if event["event"] == "step-done"]
    for index, step in enumerate(_object(step) for step in planned):
        text, cause = _text(step.get("text")), _text(step.get("cause"))
        if index < len(ended):
            end = ended[index]
            seconds, complaints = _number(end.get("seconds")), _texts(end.get("complaints"))
            yield StepRecord(text, cause, Result.DONE, seconds, _text(end.get("note")), complaints)
        elif index < len(begun):
            yield _last_step(text, cause, begun[index], events, outcome)
        else:
            yield StepRecord(text, cause, Result.NOT_REACHED)


def _last_step(text: str, cause: str, begun: Event, events: list[Event], outcome: Outcome) -> StepRecord:
    """Return the record of the step that was begun and not done."""
    failed = _last(events, "failed")
    if failed:
        result = Result.INTERRUPTED if failed.get("interrupted") else Result.FAILED
        return StepRecord(text, cause, result, _between(begun, failed))
    return StepRecord(text, cause, Result.RUNNING if outcome is Outcome.RUNNING else Result.CUT_SHORT)


def _last(events: list[Event], name: str) -> Event:
    return next((event for event in reversed(events) if event["event"] == name), {})


def _between(first: Event, last: Event) -> float | None:
    start, end = _number(first.get("boot_seconds")), _number(last.get("boot_seconds"))
    return None if start is None or end is None else round(max(end - start, 0.0), 3)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _array(value))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None


def _array(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
