"""A report as a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from optimus_ops.checks.model import Check
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.model import Finding, Run, Table
from optimus_ops.reports.spans import plain_text

SCHEMA = 1
"""Version of the document; it grows with each change that a reader of the last version would not understand."""


def document(run: Run) -> dict[str, Any]:
    """Return title, facts, and what the sections hold for programs; figures with six digits behind the point."""
    blocks = list(run.blocks())
    return {
        "schema": SCHEMA,
        "title": run.title,
        "headline": plain_text(run.headline),
        "command": run.command,
        "facts": dict(run.facts),
        "objectives": [objective_json(block) for block in blocks if isinstance(block, Objective)],
        "measurements": [_measurement(block) for block in blocks if isinstance(block, Measurement)],
        "checks": [asdict(block) for block in blocks if isinstance(block, Check)],
        "findings": [asdict(block) for block in blocks if isinstance(block, Finding)],
        "tables": [
            {"header": list(block.header), "rows": [[plain_text(cell) for cell in row] for row in block.rows]}
            for block in blocks
            if isinstance(block, Table)
        ],
    }


def objective_json(objective: Objective) -> dict[str, Any]:
    """Return an objective with its verdict."""
    return {**rounded(asdict(objective)), "verdict": objective.verdict}


def _measurement(measurement: Measurement) -> dict[str, Any]:
    percentiles = {f"p{percent}": measurement.percentile(percent) for percent in (50, 95, 99)}
    return {**rounded(asdict(measurement)), **rounded(percentiles)}


def rounded(value: Any, digits: int = 6) -> Any:
    """Return a document with all numbers rounded; tuples become lists, what is no number in JSON becomes None."""
    match value:
        case float():
            return round(value, digits) if value - value == 0 else None
        case dict():
            return {name: rounded(item, digits) for name, item in value.items()}
        case list() | tuple():
            return [rounded(item, digits) for item in value]
    return value
