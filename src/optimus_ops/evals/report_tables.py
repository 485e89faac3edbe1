"""The figures of a report: each metric's difference with its interval, and what each side took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from optimus_ops.evals.gate.decide import exact_estimate
from optimus_ops.evals.gate.estimate import estimate
from optimus_ops.evals.gate.model import POINTS, CaseScores, GateSettings, MetricVerdict, PairedEstimate
from optimus_ops.evals.model import Answer, metric_name
from optimus_ops.evals.result import CaseResult, SuiteResult, SuiteVerdict, metric_scores
from optimus_ops.reports.measurement import percentile
from optimus_ops.reports.model import Table
from optimus_ops.reports.pictures import Bound, Interval, Intervals
from optimus_ops.reports.spans import Content, Span, Tone

TONES: dict[SuiteVerdict, Tone] = {"pass": "good", "fail": "bad", "error": "bad", "inconclusive": "warn"}
NUMBERS = frozenset({"cases", "base", "now", "diff", "from", "to", "worse", "answers", "read", "written", "p95", "USD"})


def metric_table(results: Sequence[SuiteResult]) -> Table:
    """Return a row for each metric, in points of 100; each of both bounds holds with a confidence of 95 %."""
    header = ("suite", "cases", "base", "now", "diff", "from", "to", "worse", "verdict")
    rows = [row for result in results for row in _metric_rows(result)]
    # Of what nothing is known in any row, no column tells.
    places = [place for place in range(len(header)) if any(row[place] not in {"", "-"} for row in rows)]
    if not any(result.metrics for result in results):
        places = [place for place in places if header[place] not in {"worse", "verdict"}]
    return Table(
        tuple(header[place] for place in places), tuple(tuple(row[place] for place in places) for row in rows), NUMBERS
    )


def _metric_rows(result: SuiteResult) -> Iterator[tuple[Content, ...]]:
    verdicts = {each.metric: each for each in result.metrics}
    for metric in metrics_of(result):
        found = verdicts.get(metric)
        scores = _deciding(result, metric, found)
        pairs = sum(each.is_pair for each in scores)
        yield (
            metric_name(result.suite.name, metric),
            f"{pairs or len(scores):,}",
            _mean(each.baseline for each in scores),
            _mean(each.candidate for each in scores),
            *(_figures(found.estimate if found else _told(result, scores)) if pairs else ("-", "-", "-")),
            f"{sum(each.difference < 0 for each in scores):,}",
            _verdict(result, found) if metric in result.suite.blocking else Span("not blocking", "soft"),
        )


def metrics_of(result: SuiteResult) -> tuple[str, ...]:
    """Return the metrics of a suite: those that the gate judges, then those that are only told."""
    cases = (case.case for case in result.cases)
    told = (each.metric for case in cases for each in case.expectations if not each.invariant)
    return tuple(dict.fromkeys((*result.suite.blocking, *told)))


def _told(result: SuiteResult, scores: Sequence[CaseScores]) -> PairedEstimate:
    """Return the estimate of a metric that the gate does not judge, made as those that it does."""
    if any(each.estimate.method == "exact" for each in result.metrics):
        return exact_estimate(scores)
    return estimate(scores, result.settings.margin, result.settings.alpha)


def _verdict(result: SuiteResult, found: MetricVerdict | None) -> Span:
    verdict: SuiteVerdict = found.verdict if found and not result.broken else result.verdict
    return Span(verdict, TONES.get(verdict, "plain"))


def _figures(found: PairedEstimate) -> tuple[str, str, str]:
    sure = found.lower == found.upper
    low, high = ("" if sure else f"{bound * POINTS:+.1f}" for bound in (found.lower, found.upper))
    return f"{found.difference * POINTS:+.1f}", low, high


def _deciding(result: SuiteResult, metric: str, found: MetricVerdict | None) -> list[CaseScores]:
    """Return the scores of the stage that decided: the second counts for suspected metrics only."""
    stages = [_scores(stage, metric) for stage in (result.cases, result.second) if stage]
    if found is None or len(stages) == 1:
        return stages[0]
    return min(stages, key=lambda scores: abs(_difference(scores) - found.estimate.difference))


def _scores(cases: Sequence[CaseResult], metric: str) -> list[CaseScores]:
    """Return the scores of those that assert a metric: where some are compared, of these alone."""
    compared = metric_scores(cases, (metric,))[metric]
    return compared or [case.scores(metric) for case in cases if any(metric in each.scores for each in case.candidate)]


def _difference(scores: Sequence[CaseScores]) -> float:
    return fmean([each.difference for each in scores if each.is_pair] or [math.inf])


def _mean(sides: Iterable[tuple[float, ...]]) -> str:
    scores = [fmean(each) for each in sides if each]
    return f"{fmean(scores) * POINTS:.1f}" if scores else "-"


def metric_intervals(results: Sequence[SuiteResult]) -> Intervals | None:
    """Return the picture of all differences; None where nothing is compared."""
    rows = [_interval(result, found) for result in results for found in result.metrics]
    if not rows:
        return None
    settings: GateSettings = results[0].settings
    least, margin = settings.least * POINTS, settings.margin * POINTS
    bounds = (
        Bound(0.0, "no difference"),
        Bound(-least, f"a proven worsening beyond {-least:+.0f} blocks", "bad"),
        Bound(-margin, f"passes where all of the interval is above {-margin:+.0f}", "good"),
    )
    return Intervals("Differences from the baseline", tuple(rows), bounds, "points")


def _interval(result: SuiteResult, found: MetricVerdict) -> Interval:
    verdict = _verdict(result, found)
    difference, low, high = (
        each * POINTS for each in (found.estimate.difference, found.estimate.lower, found.estimate.upper)
    )
    caption = (verdict, f" {difference:+.1f}")
    return Interval(metric_name(result.suite.name, found.metric), difference, low, high, caption, verdict.tone)


def usage_table(results: Sequence[SuiteResult], *, by_suite: bool = False) -> Table:
    """Return what both sides read, wrote, cost and took for an answer; times of answers that were asked for now."""
    parts = [(result.suite.name, (result,)) for result in results] if by_suite else [("all", tuple(results))]
    header = ("suite", "side", "answers", "read", "written", "USD", "p95")
    rows = (
        (name, side, *_usage(answers))
        for name, part in parts
        for side, answers in zip(("baseline", "candidate"), _answers(part), strict=True)
        if answers
    )
    return Table(header, tuple(rows), NUMBERS)


def _answers(results: Sequence[SuiteResult]) -> tuple[list[Answer], list[Answer]]:
    cases = [case for result in results for case in (*result.cases, *result.second)]
    baseline = [judged.answer for case in cases for judged in case.baseline if judged.answer]
    return baseline, [judged.answer for case in cases for judged in case.candidate if judged.answer]


def _usage(answers: Sequence[Answer]) -> tuple[str, ...]:
    costs = [answer.cost for answer in answers if answer.cost is not None]
    seconds = [answer.seconds for answer in answers if answer.seconds is not None]
    return (
        f"{len(answers):,}",
        f"{fmean(answer.prompt_tokens for answer in answers):,.0f}",
        f"{fmean(answer.completion_tokens for answer in answers):,.1f}",
        f"{sum(costs):.4f}" if costs else "-",
        f"{percentile(seconds, 95):.2f} s" if seconds else "-",
    )
