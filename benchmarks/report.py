"""The report: Markdown for people, JSON with the raw figures. Pure functions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Verdict, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from benchmarks.figures import Figure
    from benchmarks.machine import Machine
    from benchmarks.section import Part


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Args:
        name: of its files, and of the report on the command line.
        title: its headline.
        parts: name -> title of what it is made of.
        arguments: of the command that makes it again.
        remarks: what else is to be said above the figures.
    """

    name: str
    title: str
    parts: Mapping[str, str]
    arguments: str = ""
    remarks: str = ""

    @property
    def command(self) -> str:
        """Return the command that makes the report again."""
        return f".venv/bin/python -m benchmarks {self.arguments}".rstrip()


PLATFORM = Subject(
    "platform",
    "Benchmarks of the platform",
    {"startup": "Start-up", "scale": "Scale", "footprint": "Footprint", "throughput": "Throughput"},
    remarks=(
        "Search in memory-engine has a report of its own: [memory-search.md](memory-search.md); so has what clients "
        "lose while the platform changes: [changes.md](changes.md)."
    ),
)
CHANGES = Subject(
    "changes",
    "Changes under load",
    {"load": "What clients lose", "growth": "From two to four replicas", "planning": "Planning"},
    arguments="changes",
    remarks="Each change is made by `invoke` and, for comparison, by plain `docker compose` on the same files.",
)
SUBJECTS = (PLATFORM, CHANGES)
TITLES = {name: title for subject in SUBJECTS for name, title in subject.parts.items()}
HEAD = "| what | target | measured | verdict | from |\n|---|---|---|---|---|"


@dataclass(frozen=True)
class Report:
    """One run.

    Args:
        parts: what was measured, in order.
        machine: on what.
        day: when.
        seconds: how long it took.
        subject: what it is about.
    """

    parts: Sequence[Part]
    machine: Machine
    day: date
    seconds: float
    subject: Subject

    @property
    def complete(self) -> bool:
        """Whether everything could be measured, met or missed."""
        figures = [figure for part in self.parts for figure in part.figures]
        unmeasured = any(figure.verdict is Verdict.UNMEASURED for figure in figures)
        return not unmeasured and not any(part.failed for part in self.parts)


def markdown(report: Report) -> str:
    """Return the report for people."""
    sections = "\n\n".join(section(part) for part in report.parts)
    subject = report.subject
    return f"""# {subject.title}

{verdicts(report.parts)}

Measured on {report.day.isoformat()} in {report.seconds:.0f} s: {report.machine}.
Ratios are medians of the ratios of pairs that ran one after the other, so that what else the machine did drops out.
Targets that were missed are shown as missed. Raw figures: [{subject.name}.json]({subject.name}.json).
{subject.remarks}

The same again, on a machine that does nothing else (the stacks are its own, on free ports; nothing of them stays):

    {subject.command}

{sections}
"""


def verdicts(parts: Sequence[Part]) -> str:
    """Return in a sentence how many targets were met."""
    found = [figure.verdict for part in parts for figure in part.figures]
    counts = {verdict: found.count(verdict) for verdict in Verdict}
    failed = [part.name for part in parts if part.failed]
    said = f"{counts[Verdict.MET]} of {len(found)} targets met, {counts[Verdict.MISSED]} missed"
    if counts[Verdict.UNMEASURED]:
        said += f", {counts[Verdict.UNMEASURED]} not measured"
    return said + (f"; nothing measured of: {', '.join(failed)}." if failed else ".")


def section(part: Part) -> str:
    """Return the table of a part and its notes."""
    title = f"## {TITLES.get(part.name, part.name)}"
    if part.failed:
        return f"{title}\n\nNot measured: {part.failed}"
    table = "\n".join([HEAD, *(row(figure) for figure in part.figures)])
    return "\n\n".join([title, table, *part.notes])


def row(figure: Figure) -> str:
    """Return a figure's line of the table."""
    measured = "-" if figure.measured is None else shown(figure.measured, figure.target.unit)
    cells = (figure.what, str(figure.target), measured, figure.verdict.value, figure.basis)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def document(report: Report) -> str:
    """Return the JSON text."""
    parts = {
        part.name: {
            "figures": [figure_json(figure) for figure in part.figures],
            "raw": part.raw,
            **({"failed": part.failed} if part.failed else {}),
        }
        for part in report.parts
    }
    whole = {
        "measured_on": report.day.isoformat(),
        "seconds": round(report.seconds),
        "machine": asdict(report.machine),
        "parts": parts,
    }
    return json.dumps(whole, indent=2) + "\n"


def figure_json(figure: Figure) -> dict[str, object]:
    """Return a figure as a JSON object."""
    return {
        "what": figure.what,
        "target": str(figure.target),
        "measured": None if figure.measured is None else round(figure.measured, 4),
        "unit": figure.target.unit,
        "verdict": figure.verdict.name.lower(),
    }
