"""`invoke evals.history FOLDER`: how suites and models did over many runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.earlier import EarlierRun, runs_of
from optimus_ops.evals.gate.model import POINTS
from optimus_ops.evals.model import metric_name
from optimus_ops.reports.model import Run, Section, Table
from optimus_ops.reports.spans import Content, Span
from optimus_ops.reports.terminal import print_run
from optimus_ops.text.console import Console, print_json

NUMBERS = frozenset({"runs", "cases", "low", "high", "last", "change"})
BARS = "▁▂▃▄▅▆▇█"
MOST_BARS = 24
OTHER_CASES = "|"
"""Between runs of different cases: their means can't be compared."""


def history(folder: str, *, json: bool) -> None:
    """Show the means of each metric over the runs of a folder, by suite and model, the oldest first.

    Raises:
        Refused: there are none.
    """
    runs = runs_of(Path(folder))
    if not runs:
        raise Refused(f"{folder}: no documents of llm-eval", "keep reports: invoke llm-eval --report FOLDER/NAME")
    rows = [row for run in runs for row in _means(run)]
    if json:
        print_json({"schema": 1, "runs": rows})
        return
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.localtime(runs[place].at)) for place in (0, -1))
    facts = {"runs": f"{len(runs):,}", "first": first, "last": last}
    note = f"Points of 100, the oldest run first; {OTHER_CASES} where a suite's cases have changed."
    print_run(
        Run("Evaluations so far", note, facts, (Section("By suite and model", (_trends(rows),)),)), Console.standard()
    )


def _means(run: EarlierRun) -> Iterator[Mapping[str, Any]]:
    for suite in run.suites:
        for metric, scores in suite.scores.items():
            yield {
                "at": run.at, "file": run.file, "model": run.model, "suite": suite.name, "digest": suite.digest,
                "metric": metric, "cases": len(scores), "mean": fmean(fmean(each) for each in scores.values()),
            }  # fmt: skip


def _trends(rows: Sequence[Mapping[str, Any]]) -> Table:
    series: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        series.setdefault((row["suite"], row["metric"], row["model"]), []).append(row)
    header = ("suite", "model", "runs", "cases", "low", "high", "last", "change", "trend")
    return Table(header, tuple(_trend(*key, points) for key, points in sorted(series.items())), NUMBERS)


def _trend(suite: str, metric: str, model: str, points: Sequence[Mapping[str, Any]]) -> tuple[Content, ...]:
    means = [point["mean"] * POINTS for point in points]
    return (
        metric_name(suite, metric), model, f"{len(points):,}", f"{points[-1]['cases']:,}",
        f"{min(means):.1f}", f"{max(means):.1f}", f"{means[-1]:.1f}", _change(points), sparkline(points),
    )  # fmt: skip


def _change(points: Sequence[Mapping[str, Any]]) -> Content:
    """Return the last difference, where both runs have the same cases."""
    if len(points) < 2 or points[-1]["digest"] != points[-2]["digest"]:
        return "-"
    difference = (points[-1]["mean"] - points[-2]["mean"]) * POINTS
    return Span(f"{difference:+.1f}", "bad" if difference < 0 else "good" if difference > 0 else "soft")


def sparkline(points: Sequence[Mapping[str, Any]]) -> str:
    """Return a bar for each of the last runs, from the lowest mean of them to the highest."""
    shown = points[-MOST_BARS:]
    means = [point["mean"] for point in shown]
    low, span = min(means), max(means) - min(means)
    bars = [BARS[round((mean - low) / span * (len(BARS) - 1)) if span else len(BARS) // 2] for mean in means]
    breaks = [False, *(earlier["digest"] != later["digest"] for earlier, later in pairwise(shown))]
    return "".join(f"{OTHER_CASES if other else ''}{bar}" for other, bar in zip(breaks, bars, strict=True))
