"""Reports of the benchmarks: which there are, and their rendering. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from benchmarks.machine import Machine
from benchmarks.section import BenchmarkSection, paragraph
from optimus_ops.reports.measurement import Objective, count_verdicts
from optimus_ops.reports.model import Block, Paragraph, Run, Section


@dataclass(frozen=True)
class Subject:
    """What a report is about: its name (on the command line, too), sections by name, arguments that make it again."""

    name: str
    title: str
    sections: Mapping[str, str]
    arguments: str = ""
    remarks: str = ""

    @property
    def command(self) -> str:
        """The command that makes the report again."""
        return f".venv/bin/python -m benchmarks {self.arguments}".rstrip()


PLATFORM = Subject(
    "platform",
    "Benchmarks of the platform",
    {"startup": "Start-up", "scale": "Scale", "footprint": "Footprint", "throughput": "Throughput"},
    remarks=(
        "Search in memory-engine has a report of its own, memory-search.md; so has what clients lose while the "
        "platform changes: changes.md."
    ),
)
CHANGES = Subject(
    "changes",
    "Changes under load",
    {"load": "What clients lose", "growth": "From two to four replicas", "planning": "Planning"},
    arguments="changes",
    remarks="Each change is made by `invoke` and, for comparison, by plain `docker compose` on the same files.",
)
TASKS = Subject(
    "tasks",
    "Time of tasks in two checkouts",
    {"paired": "This checkout beside the other one"},
    arguments="tasks --base FOLDER",
)
SUBJECTS = (PLATFORM, CHANGES, TASKS)
TITLES = {name: title for subject in SUBJECTS for name, title in subject.sections.items()}


@dataclass(frozen=True)
class Report:
    """One run of the benchmarks."""

    sections: Sequence[BenchmarkSection]
    machine: Machine
    day: date
    seconds: float
    subject: Subject

    @property
    def complete(self) -> bool:
        """Whether everything could be measured, met or missed."""
        unmeasured = any(objective.verdict == "not measured" for objective in self.objectives)
        return not unmeasured and not any(section.failed for section in self.sections)

    @property
    def objectives(self) -> list[Objective]:
        """The objectives of all sections."""
        return [objective for section in self.sections for objective in section.objectives]


def as_run(report: Report) -> Run:
    """Return the report for people."""
    failed = [section.name for section in report.sections if section.failed]
    unmeasured = f"; nothing measured of: {', '.join(failed)}" if failed else ""
    method = (
        paragraph(
            "Ratios are medians of the ratios of pairs that ran one after the other, so that what else the machine did "
            "drops out. Objectives that were missed are shown as missed. The same command, on a machine that does "
            "nothing else, measures again; the stacks are its own, on free ports, and nothing of them stays. It also "
            f"writes all samples, as `{report.subject.name}.json`."
        ),
        *([paragraph(report.subject.remarks)] if report.subject.remarks else []),
    )
    return Run(
        report.subject.title,
        f"{count_verdicts(report.objectives)}{unmeasured}.",
        {**report.machine.facts, "measured on": f"{report.day.isoformat()} in {report.seconds:.0f} s"},
        (*(as_section(section) for section in report.sections), Section("Method", method)),
        report.subject.command,
    )


def as_section(section: BenchmarkSection) -> Section:
    """Return a section for people."""
    blocks: tuple[Block, ...] = (*section.objectives, *section.blocks)
    if section.failed:
        blocks = (Paragraph(f"Not measured: {section.failed}"),)
    return Section(TITLES[section.name], blocks)


def document(report: Report) -> dict[str, Any]:
    """Return the JSON document."""
    sections = {
        section.name: {
            "figures": [figure_json(objective) for objective in section.objectives],
            "raw": section.raw,
            **({"failed": section.failed} if section.failed else {}),
        }
        for section in report.sections
    }
    return {
        "measured_on": report.day.isoformat(),
        "seconds": round(report.seconds),
        "machine": asdict(report.machine),
        "parts": sections,
    }


def figure_json(objective: Objective) -> dict[str, Any]:
    """Return an objective as a JSON object."""
    return {
        "what": objective.name,
        "target": objective.target,
        "measured": None if objective.measured is None else round(objective.measured, 4),
        "unit": objective.unit,
        "verdict": objective.verdict.replace("not measured", "unmeasured"),
    }
