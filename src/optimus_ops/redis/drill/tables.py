"""A drill's report as tables: for a terminal, and for a reader of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.redis.drill.figures import ENOUGH_FOR_P95
from optimus_ops.redis.drill.targets import targets, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from optimus_ops.redis.drill.figures import Figures, Spread
    from optimus_ops.redis.drill.report import Report
    from optimus_ops.redis.drill.targets import Target

NAME = "redis-drill"
HEADER = (
    *("fault", "runs", "as expected", "elections", "outage of", "p50", "p95", "max"),
    *("writes", "lost", "duplicates", "restored"),
)
WRITES = (
    "Writes: acknowledged / indeterminate / rejected. Restored: p50 / p95 / max, from healing to redundancy. "
    f"p95 is told of at least {ENOUGH_FOR_P95} runs."
)
TARGETS_HEADER = ("target", "wanted", "measured", "", "on")


def report_text(report: Report) -> str:
    """Return the report as tables."""
    found = targets(report.figures)
    notes = [f"  {note}" for one in report.figures for note in _notes(one)]
    parts = [
        [", ".join(f"{name} {value}" for name, value in report.settings.items())],
        _aligned([HEADER, *_all_rows(report)]),
        [WRITES],
        _aligned([TARGETS_HEADER, *_target_rows(found)]),
        notes,
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def markdown(report: Report, command: str) -> str:
    """Return the report as a page for readers of the repository.

    Args:
        report: what came of the drill.
        command: that made it.
    """
    found = targets(report.figures)
    good, runs = sum(one.good for one in report.outcomes), len(report.outcomes)
    shown = report.figures[0].fault
    return f"""# Redis drill of {report.project}

{verdict(found)}; {good} of {runs} runs went as expected.

Measured with `{command}`: {"; ".join(f"{name} {value}" for name, value in report.settings.items())}.
All runs, and a picture of each fault: [{NAME}.html]({NAME}.html); raw figures: [{NAME}.json]({NAME}.json).
What the faults and the loads are: `docs/redis-drill.md` of Optimus Ops.

## Targets

{_table(TARGETS_HEADER, _target_rows(found))}

![A run of the fault {shown}, second by second]({NAME}.svg)

## All faults

An outage is the longest time without an acknowledgement of a kind of write, in seconds; lost is what was acknowledged
and is not there afterwards. {WRITES}

{_table(HEADER, _all_rows(report))}

{chr(10).join(f"- {note}" for one in report.figures for note in _notes(one))}
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_line(row) for row in (head, ("---",) * len(head), *rows))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _target_rows(found: Sequence[Target]) -> Iterator[tuple[str, ...]]:
    for one in found:
        yield (
            one.what,
            one.wanted,
            one.shown,
            one.verdict.upper() if one.verdict == "missed" else one.verdict,
            one.source,
        )


def _all_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.figures:
        yield from _rows(one)


def _rows(one: Figures) -> list[tuple[str, ...]]:
    elections = ", ".join(f"{number} in {runs}" for number, runs in sorted(one.elections.items()))
    first = (one.fault, f"{one.runs}", f"{one.good}/{one.runs}", elections)
    rows: list[tuple[str, ...]] = []
    for number, (kind, (lost, most)) in enumerate(one.lost.items()):
        rows.append(
            (
                *(first if number == 0 else ("", "", "", "")),
                kind,
                *_seconds(one.outages.get(kind)),
                " / ".join(f"{count:,}" for count in one.writes[kind].values()),
                f"{lost:,}" if lost == most else f"{lost:,} (max {most:,})",
                f"{one.duplicates}" if number == 0 else "",
                " / ".join(_seconds(one.restored)) if number == 0 else "",
            )
        )
    return rows


def _seconds(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return ("-", "-", "-")
    p95 = "-" if spread.p95 is None else f"{spread.p95:.2f}"
    return (f"{spread.p50:.2f}", p95, f"{spread.most:.2f}")


def _notes(one: Figures) -> list[str]:
    notes = [f"{one.fault}: {name}: not in {runs} of {one.runs} runs" for name, runs in one.unmet.items()]
    for name, answers in one.facts.items():
        told = ", ".join(f"{answer} in {runs} runs" for answer, runs in answers.items())
        notes.append(f"{one.fault}: {name}: {told}")
    if one.last_doomed is not None:
        notes.append(
            f"{one.fault}: the replaced master acknowledged {one.doomed} doomed writes, "
            f"the last {one.last_doomed:.2f} s after the fault"
        )
    return notes
