"""`invoke evals.compare A B` and `evals.history`: runs beside one another."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.earlier import EarlierRun, EarlierSuite, read_run, runs_of
from optimus_ops.evals.gate.estimate import estimate
from optimus_ops.evals.gate.model import POINTS, CaseScores, GateSettings
from optimus_ops.reports.model import Run, Section, Table
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns

NUMBERS = frozenset({"cases", "before", "now", "difference", "from", "to", "p", "mean"})


def compare(before: str, now: str, *, json: bool) -> None:
    """Compare two runs case by case; differences of the same case are paired.

    Raises:
        Refused: a file is no document of a run, or they have no suite of one version in common.
    """
    first, second = (read_run(Path(each)) for each in (before, now))
    rows = list(_differences(first, second))
    if not rows:
        raise Refused("the runs have no suite of one version in common", "their digests say which version they are of")
    if json:
        print_json({"schema": 1, "before": first.file, "now": second.file, "metrics": rows})
        return
    table = Table(
        ("suite", "metric", "cases", "before", "now", "difference", "from", "to", "p"),
        tuple(
            (
                row["suite"], row["metric"], f"{row['cases']:,}",
                *(f"{row[key] * POINTS:.1f}" for key in ("before", "now")),
                *(f"{row[key] * POINTS:+.1f}" for key in ("difference", "lower", "upper")),
                f"{row['p']:.3f}",
            )
            for row in rows
        ),
        NUMBERS,
    )  # fmt: skip
    _show(Run(f"{second.model} compared with {first.model}", "", {}, (Section("In points of 100", (table,)),)))


def history(folder: str, *, json: bool) -> None:
    """Show the mean of each metric over the runs of a folder, the oldest first.

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
    table = Table(
        ("at", "model", "suite", "metric", "cases", "mean"),
        tuple(
            (
                time.strftime("%Y-%m-%d %H:%M", time.localtime(row["at"])),
                row["model"], row["suite"], row["metric"], f"{row['cases']:,}", f"{row['mean'] * POINTS:.1f}",
            )
            for row in rows
        ),
        NUMBERS,
    )  # fmt: skip
    _show(Run("Evaluations so far", "", {}, (Section("In points of 100", (table,)),)))


def _show(run: Run) -> None:
    console = Console.standard()
    console.stream.write(terminal_text(run, colour=console.colour, columns=layout_columns(console.stream)))


def _differences(first: EarlierRun, second: EarlierRun) -> Iterator[Mapping[str, Any]]:
    before = {suite.name: suite for suite in first.suites}
    for suite in second.suites:
        other = before.get(suite.name)
        if other is None or other.digest != suite.digest:
            continue
        for metric in suite.scores:
            if metric in other.scores:
                yield _difference(other, suite, metric)


def _difference(before: EarlierSuite, now: EarlierSuite, metric: str) -> Mapping[str, Any]:
    ours, theirs = now.scores[metric], before.scores[metric]
    pairs = [
        CaseScores(case, now.clusters[case], theirs.get(case, ()), scores) for case, scores in ours.items()
    ]  # fmt: skip
    found = estimate(pairs, GateSettings().margin)
    return {
        "suite": now.name, "metric": metric, "cases": found.cases, "before": _mean(theirs), "now": _mean(ours),
        "difference": found.difference, "lower": found.lower, "upper": found.upper, "p": found.p_value,
        "method": found.method,
    }  # fmt: skip


def _means(run: EarlierRun) -> Iterator[Mapping[str, Any]]:
    for suite in run.suites:
        for metric, scores in suite.scores.items():
            yield {
                "at": run.at, "file": run.file, "model": run.model, "suite": suite.name, "digest": suite.digest,
                "metric": metric, "cases": len(scores), "mean": _mean(scores),
            }  # fmt: skip


def _mean(scores: Mapping[str, Sequence[float]]) -> float:
    return fmean(fmean(each) for each in scores.values())
