"""`invoke secrets.list`: every secret with its state, age and readers, and never its value."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from optimus_ops.secrets.ages import Ages
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import make_table, render
from optimus_ops.text.units import counted

State = Literal["set", "empty", "missing"]
HEADERS = ("KEY", "STATE", "AGE", "FROM", "ROTATOR", "READ BY")


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret.

    Args:
        state: `empty`: it may be; `missing`: it must not.
        line: in the file, counted from 1; None if it isn't there.
        changed: when it got its value, in UTC; None if that isn't known.
        age_days: whole days since then.
        max_age_days: days after which it should be replaced.
        due: whether it is older than that.
        origin: how it got its value; None if it has none.
        rotator: what `invoke secrets.rotate` changes it by; "" if nothing does.
        rotated: when it was last rotated, in UTC; None if its value has another origin.
        consumers: services that read it, in whatever form.
    """

    key: str
    state: State
    line: int | None
    changed: str | None
    age_days: int | None
    max_age_days: int | None
    due: bool
    origin: str | None
    generated: bool
    required: bool
    type: str
    environments: tuple[str, ...]
    consumers: tuple[str, ...]
    operator: bool
    rotator: str = ""
    rotated: str | None = None


def secret_rows(
    entries: Mapping[str, Entry], document: Document, ages: Ages, now: float | None = None
) -> tuple[SecretRow, ...]:
    """Return the rows, in the order of the schema; `now` is in seconds since the epoch."""
    moment = time.time() if now is None else now
    lines, values = document.line_numbers, document.values
    rows = []
    for key, entry in entries.items():
        if entry.companion_of and not values.get(key):
            continue
        age = ages.get(key) if values.get(key) else None
        days = age.days(moment) if age else None
        changed = datetime.fromtimestamp(age.since, UTC).isoformat(timespec="seconds") if age else None
        rows.append(
            SecretRow(
                key=key,
                state="set" if values.get(key) else "missing" if entry.required or entry.generator else "empty",
                line=lines.get(key),
                changed=changed,
                age_days=None if days is None else int(days),
                max_age_days=entry.max_age,
                due=days is not None and entry.max_age is not None and days > entry.max_age,
                origin=age.origin if age else None,
                generated=entry.generator is not None,
                required=entry.required,
                type=entry.type,
                environments=entry.environments,
                consumers=entry.readers,
                operator=entry.operator,
                rotator=entry.rotator,
                rotated=changed if age and age.origin == "rotated" else None,
            )
        )
    return tuple(rows)


def show(rows: Sequence[SecretRow], file: str, *, json: bool) -> None:
    """Print the rows as a table or as one JSON document."""
    if json:
        print_json({"file": file, "secrets": [asdict(row) for row in rows]})
        return
    console = Console.standard()
    table = make_table(HEADERS, map(_cells, rows), folded={"READ BY"})
    console.say(render([table], colour=console.colour, columns=layout_columns(console.stream)).removesuffix("\n"))
    console.say(_summary(rows, file))


def _cells(row: SecretRow) -> tuple[str, ...]:
    if row.age_days is None:
        age = "-"
    else:
        limit = f" of {row.max_age_days}" if row.max_age_days else ""
        age = f"{row.age_days}{limit} d{', due' if row.due else ''}"
    readers = ", ".join(row.consumers) or ("the operator" if row.operator else "nobody")
    return row.key, row.state, age, row.origin or "-", row.rotator or "-", readers


def _summary(rows: Iterable[SecretRow], file: str) -> str:
    states = [row.state for row in rows]
    numbers = ", ".join(f"{states.count(state)} {state}" for state in ("set", "empty", "missing"))
    due = sum(row.due for row in rows)
    return f"{file}: {counted(len(states), 'secret')}: {numbers}; {due} due for replacement"
