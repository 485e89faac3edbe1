"""`invoke secrets.rotate --status`: the rotations under way, and the keys that are due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from optimus_ops.rotation.model import Phase
from optimus_ops.rotation.plan import reached
from optimus_ops.rotation.record import Record, RotationClock
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import make_table, render
from optimus_ops.text.units import counted

HEADERS = ("KEY", "PHASE", "BEGAN", "NEXT")


@dataclass(frozen=True, slots=True)
class RotationRow:
    """A rotation under way.

    Args:
        member: of a pool, from 1.
        began: when it began, in UTC.
        grace_left: seconds for which the old value stays valid; None before that begins and after it.
        grace_until: when that is over, in UTC.
        next: what to do.
    """

    key: str
    member: int | None
    rotation: str
    rotator: str
    phase: str
    rolling_back: bool
    only_forward: bool
    began: str
    grace_left: float | None
    grace_until: str | None
    next: str


def rotation_row(record: Record, clock: RotationClock) -> RotationRow:
    """Return the row of a rotation."""
    waits = record.phase is Phase.CONVERGED and not record.back
    left = record.left(clock) if waits else None
    until = grace_until(record, clock) if waits else None
    return RotationRow(
        key=record.key,
        member=None if record.member is None else record.member + 1,
        rotation=record.rotation,
        rotator=record.rotator,
        phase=record.phase.value,
        rolling_back=record.back,
        only_forward=record.committed,
        began=shown(record.began),
        grace_left=left,
        grace_until=until,
        next=_next(record, left, until),
    )


def grace_until(record: Record, clock: RotationClock) -> str:
    """Return when the grace of a rotation is over, as the clock shows it."""
    return shown(clock.wall() + record.left(clock))


def shown(seconds: float) -> str:
    """Return seconds since the epoch as a date and time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _next(record: Record, left: float | None, until: str | None) -> str:
    if record.back:
        return "--resume completes the rollback"
    if record.committed:
        return "--resume: there is no way back"
    if left:
        return f"in grace until {until}; then --resume (--rollback until then)"
    way = "--resume" if reached(record.phase) < reached(Phase.CONVERGED) else "--resume: the grace is over"
    return f"{way}, or --rollback"


def show_status(records: Sequence[Record], due: Sequence[str], clock: RotationClock, *, json: bool) -> None:
    """Print the rotations and the keys that are due."""
    rows = [rotation_row(record, clock) for record in records]
    if json:
        print_json({"rotations": [asdict(row) for row in rows], "due": list(due)})
        return
    console = Console.standard()
    if rows:
        cells = [(_name(row), row.phase, row.began, row.next) for row in rows]
        table = make_table(HEADERS, cells, folded={"NEXT"})
        console.say(render([table], colour=console.colour, columns=layout_columns(console.stream)).removesuffix("\n"))
    due_text = f": {', '.join(due)} (invoke secrets.rotate --all-due)" if due else ""
    console.say(f"{counted(len(rows), 'rotation')} under way; {counted(len(due), 'key')} due{due_text}")


def _name(row: RotationRow) -> str:
    return row.key if row.member is None else f"{row.key} (member {row.member})"
