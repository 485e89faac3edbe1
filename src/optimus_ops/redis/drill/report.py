"""What a drill came to, as a value and as a JSON document."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optimus_ops.redis.drill.faults import FAULTS
from optimus_ops.redis.drill.figures import Figures, figures, median_run
from optimus_ops.redis.drill.targets import targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimus_ops.plan.step import Plan
    from optimus_ops.redis.drill.nodes import Group
    from optimus_ops.redis.drill.outcomes import Outcome
    from optimus_ops.redis.drill.run import Runner


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
        "stack": group.project,
        "Redis": group.version,
        "servers": str(len(group.servers)),
        "sentinels": str(len(group.sentinels)),
        "down-after": _down_after(group),
        "min-replicas": lag,
        "through services": ", ".join(door.kind.name for door in runner.doors) or "nothing: they do not run",
        "host": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {platform.machine()}",
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _down_after(group: Group) -> str:
    """Return when a silent master is taken for dead, and what each sentinel waits for."""
    each = ", ".join(f"{seconds * 1000:.0f}" for seconds in group.down_afters)
    return f"{group.down_after * 1000:.0f} ms until a quorum takes it for dead ({each} ms, of the sentinels)"


def document(report: Report) -> dict[str, Any]:
    """Return the report as a JSON document."""
    return {
        "result": _result(report),
        "project": report.project,
        "settings": dict(report.settings),
        "targets": [{**rounded(asdict(target)), "reached": target.reached} for target in targets(report.figures)],
        "faults": [
            {
                **rounded(asdict(one)),
                "wanted": report.wanted[one.fault],
                "outcomes": [_brief(run) for run in report.by_fault[one.fault]],
                "timeline": rounded(asdict(median_run(report.by_fault[one.fault]).timeline)),
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
    del found["timeline"], found["fault"], found["kinds"]
    expected = {each.name: each.found for each in one.expected}
    unmet = [each.name for each in one.expected if not each.met]
    return {**rounded(found), "good": one.good, "expected": expected, "unmet": unmet}


def rounded(value: Any) -> Any:
    """Return a document with milliseconds: more is not measured."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value
