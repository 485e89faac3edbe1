"""What a drill came to: as a table, as JSON, and as files."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import OpsError
from optimus_ops.redis_drill.faults import FAULTS
from optimus_ops.redis_drill.figures import Figures, figures, median_run
from optimus_ops.redis_drill.page import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optimus_ops.plan.steps import Plan
    from optimus_ops.redis_drill.figures import Spread
    from optimus_ops.redis_drill.outcomes import Outcome
    from optimus_ops.redis_drill.run import Runner

NAME = "redis-drill"


@dataclass(frozen=True)
class Report:
    """What a drill came to.

    Args:
        project: the stack.
        settings: what the figures depend on: name -> value.
        wanted: runs that were wanted of each fault.
        outcomes: of the runs that were made.
    """

    project: str
    settings: Mapping[str, str]
    wanted: Mapping[str, int]
    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(cls, plan: Plan, outcomes: Sequence[Outcome], runner: Runner) -> Report:
        """Return the report on the runs that were made."""
        wanted = {str(step.as_json()["fault"]): int(step.as_json()["runs"]) for step in plan.steps}
        return cls(plan.project, settings_of(runner), wanted, tuple(outcomes))

    @property
    def by_fault(self) -> dict[str, tuple[Outcome, ...]]:
        """Return fault -> its runs, of those that were made."""
        found = {name: tuple(one for one in self.outcomes if one.fault == name) for name in self.wanted}
        return {name: runs for name, runs in found.items() if runs}

    @property
    def figures(self) -> tuple[Figures, ...]:
        """Return the figures of each fault."""
        known = {fault.name: fault for fault in FAULTS}
        return tuple(figures(known[name], runs) for name, runs in self.by_fault.items())


def settings_of(runner: Runner) -> dict[str, str]:
    """Return what the figures depend on."""
    group = runner.group
    lag = "off" if group.max_lag is None else f"1, max-lag {group.max_lag:g} s"
    return {
        "servers": str(len(group.servers)),
        "sentinels": str(len(group.sentinels)),
        "down-after": f"{group.down_after * 1000:.0f} ms",
        "min-replicas": lag,
        "through services": ", ".join(door.kind.name for door in runner.doors) or "nothing: they do not run",
        "host": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def document(report: Report) -> dict[str, Any]:
    """Return the report as a JSON document."""
    return {
        "result": _result(report),
        "project": report.project,
        "settings": dict(report.settings),
        "faults": [
            {
                **asdict(one),
                "targets": [{**asdict(target), "reached": target.reached} for target in one.targets],
                "wanted": report.wanted[one.fault],
                "outcomes": [_brief(run) for run in report.by_fault[one.fault]],
                "timeline": asdict(median_run(report.by_fault[one.fault]).timeline),
            }
            for one in report.figures
        ],
    }


def _result(report: Report) -> str:
    if not all(one.good for one in report.outcomes):
        return "unexpected"
    return "done" if len(report.outcomes) == sum(report.wanted.values()) else "incomplete"


def _brief(one: Outcome) -> dict[str, Any]:
    """Return a run without its timeline: that of one run of a fault is kept."""
    found = asdict(one)
    del found["timeline"], found["fault"]
    return {**found, "good": one.good}


def report_text(report: Report) -> str:
    """Return the report as tables."""
    lines = [", ".join(f"{name} {value}" for name, value in report.settings.items()), ""]
    header = (
        "FAULT",
        "RUNS",
        "AS EXPECTED",
        "ELECTIONS",
        "OUTAGE OF",
        "P50",
        "P95",
        "MAX",
        "LOST",
        "DUPLICATES",
        "RESTORED",
    )
    rows = [header, *(row for one in report.figures for row in _rows(one))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"  {note}" for one in report.figures for note in _notes(one)]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


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


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write the report's files; return their paths.

    Raises:
        OpsError: they can't be written.
    """
    texts = {"json": json.dumps(document(report), indent=1) + "\n", "html": page(report)}
    paths = {folder / f"{NAME}.{suffix}": text for suffix, text in texts.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_text(text, "utf-8")
    except OSError as error:
        raise OpsError(f"the report can't be written: {error.strerror} ({error.filename})") from error
    return tuple(paths)
