"""The result for people: a terminal, and a report."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimus_ops.evals.gate.model import POINTS
from optimus_ops.evals.judge import Judged
from optimus_ops.evals.result import CaseResult, SuiteResult, SuiteVerdict, worst
from optimus_ops.reports.model import Block, Bullets, Details, Finding, Output, Paragraph, Run, Section, Table
from optimus_ops.reports.spans import Content, Span, Tone

NAME = "llm-eval"
TONES: dict[SuiteVerdict, Tone] = {"pass": "good", "fail": "bad", "error": "bad", "inconclusive": "plain"}
MOST_SHOWN = 50
"""Cases of a suite whose answers are shown: those that got worse first."""
NUMBERS = frozenset({"baseline", "candidate", "difference", "95 % above", "p", "cases"})


@dataclass(frozen=True, slots=True)
class EvalFacts:
    """What a run depends on.

    Args:
        spent: US dollars of this run; None where prices are not known.
        recording: what of a recording was used; "" where there is none.
    """

    model: str
    baseline: str
    command: str
    asked: int
    cached: int
    seconds: float
    spent: float | None = None
    recording: str = ""


def eval_report(results: Sequence[SuiteResult], facts: EvalFacts) -> Run:
    """Return the report."""
    return Run(
        "LLM evaluation",
        headline(results),
        {
            "model": facts.model,
            "baseline": facts.baseline or "none",
            "answers": f"{facts.asked:,} asked, {facts.cached:,} kept from before",
            "duration": f"{facts.seconds:.1f} s",
            **({"recording": facts.recording} if facts.recording else {}),
            **({} if facts.spent is None else {"spent": f"{facts.spent:.4f} USD"}),
        },
        (
            Section("Suites", (_table(results), *_findings(results))),
            *(Section(result.suite.name, tuple(_cases(result)), folded=True) for result in results),
        ),
        facts.command,
    )


def headline(results: Sequence[SuiteResult]) -> Content:
    """Return the verdict in a sentence."""
    verdict, count = worst(results), len(results)
    of_it = [result.suite.name for result in results if result.verdict == verdict]
    match verdict:
        case "fail":
            return (Span("FAIL", "bad"), f": {', '.join(of_it)}.")
        case "error":
            return (Span("ERROR", "bad"), f": too many answers are missing: {', '.join(of_it)}.")
        case "inconclusive":
            return (Span("INCONCLUSIVE", "plain"), f": {', '.join(of_it)}; no worsening is proven, and none ruled out.")
        case "not compared":
            return f"{count} suites, compared with nothing."
        case "pass":
            return (Span("PASS", "good"), f": {count} suites are not worse than the baseline.")


def _table(results: Sequence[SuiteResult]) -> Table:
    header = ("suite", "metric", "cases", "baseline", "candidate", "difference", "95 % above", "p", "verdict")
    return Table(header, tuple(row for result in results for row in _rows(result)), NUMBERS)


def _rows(result: SuiteResult) -> Iterator[tuple[Content, ...]]:
    verdicts = {each.metric: each for each in result.metrics}
    for metric in result.suite.blocking:
        cases = (
            result.second
            if result.second and any(each.scores(metric).is_pair for each in result.second)
            else result.cases
        )
        sides = [_mean(cases, metric, side) for side in ("baseline", "candidate")]
        found = verdicts.get(metric)
        if found is None:
            yield (result.suite.name, metric, f"{len(cases):,}", *sides, "-", "-", "-", _verdict(result.verdict))
            continue
        estimate = found.estimate
        yield (
            result.suite.name,
            metric,
            f"{estimate.cases:,}",
            *sides,
            f"{estimate.difference * POINTS:+.1f}",
            f"{estimate.lower * POINTS:+.1f}",
            f"{found.p_adjusted:.3f}",
            _verdict(found.verdict if not result.broken else result.verdict),
        )


def _mean(cases: Sequence[CaseResult], metric: str, side: str) -> str:
    sides = [getattr(case.scores(metric), side) for case in cases]
    scores = [sum(each) / len(each) for each in sides if each]
    return f"{sum(scores) / len(scores) * POINTS:.1f}" if scores else "-"


def _verdict(verdict: SuiteVerdict) -> Content:
    return Span(verdict, TONES.get(verdict, "plain"))


def _findings(results: Sequence[SuiteResult]) -> Iterator[Block]:
    for result in results:
        for case, broken in result.broken:
            yield Finding(f"llm-eval/{result.suite.name}", "error", f"{case.id}: {broken}", case.place, case.reason)
    reasons = [f"{result.suite.name}, {each.metric}: {each.reason}" for result in results for each in result.metrics]
    if reasons:
        yield Bullets(tuple(reasons))


def _cases(result: SuiteResult) -> Iterator[Block]:
    yield Paragraph(result.suite.summary)
    ordered = sorted(result.cases, key=lambda case: (not case.broken, _worst_difference(case, result), case.case.id))
    for case in ordered[:MOST_SHOWN]:
        yield Details(f"{case.case.id}: {_state(case, result)}", tuple(_answers(case)))
    if len(ordered) > MOST_SHOWN:
        yield Paragraph(f"{len(ordered) - MOST_SHOWN:,} more cases are in the JSON document.")


def _worst_difference(case: CaseResult, result: SuiteResult) -> float:
    pairs = [scores for metric in result.suite.blocking if (scores := case.scores(metric)).is_pair]
    return min((each.difference for each in pairs), default=0.0)


def _state(case: CaseResult, result: SuiteResult) -> str:
    if case.is_missing:
        return "missing"
    if case.broken:
        return "breaks an invariant"
    difference = _worst_difference(case, result)
    if difference:
        return f"{'worse' if difference < 0 else 'better'} by {abs(difference) * POINTS:.0f} points"
    return "wrong" if any(judged.faults for judged in case.candidate) else "right"


def _answers(case: CaseResult) -> Iterator[Block]:
    yield Paragraph(case.case.reason)
    for message in case.case.messages:
        yield Output(f"{message.role}: {message.content}")
    ours, theirs = (_text(side) for side in (case.candidate, case.baseline))
    if case.baseline and ours != theirs:
        lines = difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "baseline", "candidate", lineterm="")
        yield Output("\n".join(lines))
    else:
        yield Output(ours)
    faults = tuple(dict.fromkeys(fault for judged in case.candidate for fault in judged.faults))
    if faults:
        yield Bullets(faults)


def _text(side: tuple[Judged, ...]) -> str:
    for judged in side:
        if judged.answer:
            return judged.answer.text
    return next((f"(no answer: {judged.collected.error})" for judged in side), "")
