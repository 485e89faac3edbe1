"""A drill's report as tables: for a terminal, and for a reader of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.redis_drill.figures import Figures, Spread
    from optimus_ops.redis_drill.report import Report

NAME = "redis-drill"
HEADER = (
    *("fault", "runs", "as expected", "elections", "outage of", "p50", "p95", "max"),
    *("lost", "duplicates", "restored"),
)
"""Restored: p50 / p95 / max of the seconds from the healing to redundancy."""


def report_text(report: Report) -> str:
    """Return the report as tables."""
    lines = [", ".join(f"{name} {value}" for name, value in report.settings.items()), ""]
    rows = [HEADER, *_all_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {note}" for one in report.figures for note in _notes(one)]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def markdown(report: Report, command: str) -> str:
    """Return the report as a page for readers of the repository.

    Args:
        report: what came of the drill.
        command: that made it.
    """
    settings = "; ".join(f"{name}: {value}" for name, value in report.settings.items())
    notes = [f"- {note}" for one in report.figures for note in _notes(one)]
    meaning = (
        "In seconds. An outage is the longest time without an acknowledgement of a kind of write; lost is what was\n"
        f"acknowledged and is not there afterwards. Pictures, and all runs, are in {NAME}.html."
    )
    parts = [
        f"# Redis drill\n\n`{command}` on {settings}.",
        meaning,
        "\n".join(_line(row) for row in (HEADER, ("---",) * len(HEADER), *_all_rows(report))),
        "\n".join(notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


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
                f"{lost}" if lost == most else f"{lost} (max {most})",
                f"{one.duplicates}" if number == 0 else "",
                " / ".join(_seconds(one.restored)) if number == 0 else "",
            )
        )
    return rows


def _seconds(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return ("-", "-", "-")
    return (f"{spread.p50:.2f}", f"{spread.p95:.2f}", f"{spread.most:.2f}")


def _notes(one: Figures) -> list[str]:
    notes = [f"{one.fault}: {name}: not in {runs} of {one.runs} runs" for name, runs in one.unmet.items()]
    for name, answers in one.facts.items():
        told = ", ".join(f"{answer} in {runs} runs" for answer, runs in answers.items())
        notes.append(f"{one.fault}: {name}: {told}")
    for target in one.targets:
        found = "not measured" if target.found is None else f"{target.found:.2f} s"
        word = "reached" if target.reached else "MISSED"
        notes.append(f"{one.fault}: {target.name} under {target.under:g} s: {word} ({found})")
    if one.last_doomed is not None:
        notes.append(
            f"{one.fault}: the replaced master acknowledged {one.doomed} doomed writes, "
            f"the last {one.last_doomed:.2f} s after the fault"
        )
    return notes
