"""What holds for the metrics of each service: those that docs/metrics.md names, in the forms that OpenMetrics wants."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
# Unit as the page has it: how the name ends, but for `_total`. Others are numbers of things.
SUFFIXES = {"seconds": "_seconds", "bytes": "_bytes", "US dollars": "_usd"}
WITH_TELEMETRY = {"otel_spans_exported_total", "otel_spans_dropped_total"}


@dataclass(frozen=True)
class Row:
    """A line of the page's table."""

    name: str
    type: str
    unit: str
    labels: frozenset[str]
    services: frozenset[str]


def documented() -> Iterator[Row]:
    """Read the table."""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            labels = frozenset(re.findall(r"`(\w+)`", cells[3]))
            yield Row(cells[0].strip("`"), cells[1], cells[2], labels, frozenset(cells[4].split()))


def families(text: str) -> dict[str, Metric]:
    """Read an OpenMetrics text by the library's own parser, which refuses what is no such text."""
    found = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in found}


def series(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return all series of an OpenMetrics text: names with their labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families(text).values()
        for sample in family.samples
    }


def faults(text: str, service: str) -> list[str]:
    """Return what is wrong with the metrics of a service, by its letter on the page."""
    rows = {row.name: row for row in documented() if service in row.services}
    shown = families(text)
    missing = rows.keys() - shown.keys() - WITH_TELEMETRY
    found = [f"{name}: not shown" for name in sorted(missing)]
    found += [f"{name}: not in docs/metrics.md" for name in sorted(shown.keys() - rows.keys())]
    for name in sorted(shown.keys() & rows.keys()):
        found += [f"{name}: {fault}" for fault in _faults(rows[name], shown[name])]
    return found


def _faults(row: Row, family: Metric) -> Iterator[str]:
    if family.type != row.type:
        yield f"{family.type} and not {row.type}"
    stem = row.name.removesuffix("_total")
    suffix = SUFFIXES.get(row.unit, "")
    if not stem.endswith(suffix):
        yield f"does not end with {suffix}"
    if not suffix and stem.endswith(tuple(SUFFIXES.values())):
        yield f"its unit is not {row.unit}"
    if row.name.endswith("_total") != (row.type == "counter"):
        yield "_total is for counters, and for them alone"
    if not family.documentation.strip():
        yield "has no help"
    for sample in family.samples:
        if sample.labels.keys() - {"le"} != row.labels:
            yield f"labels {sorted(sample.labels)}"
            return
