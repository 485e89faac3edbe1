"""`invoke evals.compare A B`: two runs beside one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.earlier import EarlierRun, EarlierSuite, read_run
from optimus_ops.evals.gate.estimate import estimate
from optimus_ops.evals.gate.model import POINTS, CaseScores, GateSettings
from optimus_ops.evals.model import metric_name
from optimus_ops.evals.report_lists import shortened
from optimus_ops.reports.comparison import Diff, Entries, Entry
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.folder import check_folder
from optimus_ops.reports.model import Block, Bullets, Paragraph, Run, Section, Table
from optimus_ops.reports.pictures import Bound, Interval, Intervals
from optimus_ops.reports.spans import Span, Tone
from optimus_ops.reports.terminal import print_run
from optimus_ops.text.console import Console, print_json

NUMBERS = frozenset({"cases", "before", "now", "diff", "from", "to", "p if worse", "by"})
NAME = "evals-compare"
MOST_LISTED, MOST_ENTRIES = 12, 5000
MOST_CHARACTERS = 60
"""Of an answer in the list."""


def compare(before: str, now: str, *, report: str = "", json: bool = False) -> None:
    """Compare two runs case by case; differences of the same case are paired. `report` is a folder, "" for none.

    Raises:
        Refused: a file is no document of a run, or they have no suite of one version in common.
    """
    if report:
        check_folder(Path(report))
    first, second = (read_run(Path(each)) for each in (before, now))
    pairs = list(_pairs(first, second))
    if not pairs:
        raise Refused("the runs have no suite of one version in common", "their digests say which version they are of")
    rows = [_difference(*pair) for pair in pairs]
    cases = sorted((case for pair in pairs for case in _changed(*pair)), key=lambda case: case["by"])
    left_out = _not_compared(first, second)
    found = {"schema": 1, "before": first.file, "now": second.file, "metrics": rows}
    found |= {"cases": cases, "not_compared": left_out}
    run = _report(first, second, rows, cases, left_out)
    if json:
        print_json(found)
    else:
        print_run(run, Console.standard())
    leave_report(run, report, NAME, Console.standard(json=json), found)


def _report(
    first: EarlierRun,
    second: EarlierRun,
    rows: Sequence[Mapping[str, Any]],
    cases: Sequence[Mapping[str, Any]],
    left_out: Mapping[str, str],
) -> Run:
    worse = sum(case["by"] < 0 for case in cases)
    sections = [Section("In points of 100", (_picture(rows), _metrics(rows)))]
    if cases:
        more = len(cases) - MOST_LISTED
        rest: tuple[Block, ...] = (Paragraph(Span(f"{more:,} more", "soft")),) if more > 0 else ()
        sections.append(Section("Cases that differ, those that got worse first", (_cases(cases), *rest)))
    if left_out:
        items = tuple(f"{suite}: {reason}" for suite, reason in left_out.items())
        sections.append(Section("Not compared", (Bullets(items),)))
    if cases:
        sections.append(Section("Answers that differ", (Entries("scores", tuple(map(_entry, cases[:MOST_ENTRIES]))),)))
    return Run(
        f"{second.model} compared with {first.model}",
        f"{worse:,} scores of cases got worse, {len(cases) - worse:,} better.",
        {"before": first.file, "now": second.file},
        tuple(sections),
    )


def _metrics(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        ("suite", "cases", "before", "now", "diff", "from", "to", "p if worse"),
        tuple(
            (
                metric_name(row["suite"], row["metric"]), f"{row['cases']:,}",
                *(f"{row[key] * POINTS:.1f}" for key in ("before", "now")),
                *(f"{row[key] * POINTS:+.1f}" for key in ("difference", "lower", "upper")),
                f"{row['p']:.3f}",
            )
            for row in rows
        ),
        NUMBERS,
    )  # fmt: skip


def _picture(rows: Sequence[Mapping[str, Any]]) -> Intervals:
    found = tuple(map(_interval, rows))
    return Intervals("Differences from the run before", found, (Bound(0.0, "no difference"),), "points")


def _interval(row: Mapping[str, Any]) -> Interval:
    difference, low, high = (row[key] * POINTS for key in ("difference", "lower", "upper"))
    tone: Tone = "bad" if high < 0 else "good" if low > 0 else "plain"
    return Interval(metric_name(row["suite"], row["metric"]), difference, low, high, f"{difference:+.1f}", tone)


def _entry(case: Mapping[str, Any]) -> Entry:
    name = metric_name(f"{case['suite']}/{case['case']}", case["metric"])
    state = "worse" if case["by"] < 0 else "better"
    by = Span(f"{state} by {abs(case['by']) * POINTS:.0f}", "bad" if state == "worse" else "good")
    labels = {"state": (state,), "suite": (case["suite"],), "metric": (case["metric"],)}
    return Entry(name, (by, " ", Span(name, code=True)), labels, (Diff(case["answer_before"], case["answer"]),))


def _cases(cases: Sequence[Mapping[str, Any]]) -> Table:
    rows = (
        (
            metric_name(f"{case['suite']}/{case['case']}", case["metric"]),
            Span(f"{case['by'] * POINTS:+.0f}", "bad" if case["by"] < 0 else "good"),
            shortened(case["answer"], MOST_CHARACTERS),
        )
        for case in cases[:MOST_LISTED]
    )
    return Table(("case", "by", "answer now"), tuple(rows), NUMBERS)


def _pairs(first: EarlierRun, second: EarlierRun) -> Iterator[tuple[EarlierSuite, EarlierSuite, str]]:
    """Give the metrics that both runs have, with their suites."""
    before = {suite.name: suite for suite in first.suites}
    for suite in second.suites:
        other = before.get(suite.name)
        if other is not None and other.digest == suite.digest:
            yield from ((other, suite, metric) for metric in suite.scores if metric in other.scores)


def _not_compared(first: EarlierRun, second: EarlierRun) -> dict[str, str]:
    """Return why suites are left out, by their names."""
    before, now = ({suite.name: suite.digest for suite in run.suites} for run in (first, second))
    return {
        name: "its cases have changed"
        if name in before and name in now
        else f"only in {(first, second)[name in now].file}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    }


def _paired(before: EarlierSuite, now: EarlierSuite, metric: str) -> list[CaseScores]:
    ours, theirs = now.scores[metric], before.scores[metric]
    return [CaseScores(case, now.clusters[case], theirs.get(case, ()), scores) for case, scores in ours.items()]


def _changed(before: EarlierSuite, now: EarlierSuite, metric: str) -> Iterator[Mapping[str, Any]]:
    for scores in _paired(before, now, metric):
        if scores.is_pair and scores.difference:
            yield {
                "suite": now.name, "case": scores.case, "metric": metric, "by": scores.difference,
                "answer_before": before.answers.get(scores.case, ""), "answer": now.answers.get(scores.case, ""),
            }  # fmt: skip


def _difference(before: EarlierSuite, now: EarlierSuite, metric: str) -> Mapping[str, Any]:
    found = estimate(_paired(before, now, metric), GateSettings().margin)
    means = (fmean(fmean(each) for each in suite.scores[metric].values()) for suite in (before, now))
    return {
        "suite": now.name, "metric": metric, "cases": found.cases, **dict(zip(("before", "now"), means, strict=True)),
        "difference": found.difference, "lower": found.lower, "upper": found.upper, "p": found.p_value,
        "method": found.method,
    }  # fmt: skip
