"""The report of a drill as a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from optimus_ops.redis.drill.figures import median_run
from optimus_ops.redis.drill.record import Fact
from optimus_ops.redis.drill.report import DrillReport
from optimus_ops.redis.drill.run_result import RunResult
from optimus_ops.redis.drill.timeline import timeline_json
from optimus_ops.reports.json_document import rounded
from optimus_ops.reports.measurement import Measurement, Objective

MILLISECONDS = 3
"""Digits: more is not measured."""
KEYS = {
    "failover": "moments",
    "stats": "accounts",
    "lost_after_fault": "doomed",
    "last_lost_after_fault": "last_doomed",
}
"""Names that the document has kept."""


def document(report: DrillReport) -> dict[str, Any]:
    """Return the document."""
    faults = [
        {
            **_json(figures),
            "wanted": report.requested[figures.fault],
            "outcomes": [_run(run) for run in report.runs[figures.fault]],
            "timeline": timeline_json(median_run(report.runs[figures.fault]).timeline),
        }
        for figures in report.figures
    ]
    found = {
        "result": report.result,
        "project": report.project,
        "settings": dict(report.settings),
        "targets": [_objective(objective) for objective in report.objectives],
        "faults": faults,
    }
    return dict(rounded(found, MILLISECONDS))


def _objective(objective: Objective) -> dict[str, Any]:
    return {
        "what": objective.name,
        "sense": objective.comparison,
        "limit": objective.bound,
        "found": objective.measured,
        "unit": f" {objective.unit}" if objective.unit else "",
        "source": objective.basis,
        "reached": objective.verdict == "met",
    }


def _run(run: RunResult) -> dict[str, Any]:
    """Return a run without its timeline: only one of a fault is kept."""
    found = {name: value for name, value in _json(run).items() if name not in {"fault", "kinds", "timeline"}}
    expected = {expected.name: expected.found for expected in run.expected}
    return {**found, "good": run.good, "expected": expected, "unmet": [expected.name for expected in run.unmet]}


def _json(value: Any) -> Any:
    match value:
        case Fact():
            return str(value)
        case Measurement(value=median, samples=samples):
            spread = {
                "count": len(samples),
                "p50": median,
                "p95": value.percentile(95),
                "most": max(samples, default=0),
            }
            return spread if samples else None
        case Mapping():
            return {name: _json(item) for name, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _ if is_dataclass(value):
            return {KEYS.get(own.name, own.name): _json(getattr(value, own.name)) for own in fields(value)}
    return value
