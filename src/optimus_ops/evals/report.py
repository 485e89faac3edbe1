"""The result for people: verdict and reasons, figures, prompts, cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimus_ops.evals.model import metric_name
from optimus_ops.evals.prompt_changes import PromptChange
from optimus_ops.evals.report_cases import case_entries
from optimus_ops.evals.report_lists import MOST_LISTED, broken_invariants, missing_answers, worst_cases
from optimus_ops.evals.report_tables import metric_intervals, metric_table, usage_table
from optimus_ops.evals.result import SuiteResult, worst
from optimus_ops.reports.comparison import Diff
from optimus_ops.reports.model import Block, Bullets, Details, Paragraph, Run, Section
from optimus_ops.reports.spans import Content, Span

NAME = "llm-eval"
MOST_NAMED = 4
MOST_UNFOLDED = 3
"""Prompts whose differences a page shows at once."""


@dataclass(frozen=True, slots=True)
class EvalFacts:
    """What a run depends on.

    Args:
        spent: US dollars of this run; None where prices are not known.
        recording: what of a recording was used; "" where there is none.
        prompts: files of prompts that differ from the baseline's.
        at: when it ended, in seconds since the epoch.
    """

    model: str
    baseline: str
    command: str
    asked: int
    cached: int
    seconds: float
    spent: float | None = None
    recording: str = ""
    prompts: tuple[PromptChange, ...] = ()
    at: float = 0.0
    interrupted: bool = False


def eval_report(results: Sequence[SuiteResult], facts: EvalFacts, *, cases: bool = True) -> Run:
    """Return the report, with each of the cases or without."""
    return Run(
        "LLM evaluation",
        headline(results),
        {
            "model": facts.model,
            "baseline": facts.baseline or "none",
            "answers": f"{facts.asked:,} asked, {facts.cached:,} kept from before",
            "duration": f"{facts.seconds:.1f} s",
            **({"recording": facts.recording} if facts.recording else {}),
            **({"interrupted": "before all was asked"} if facts.interrupted else {}),
            **({} if facts.spent is None else {"spent": f"{facts.spent:.4f} USD"}),
        },
        (*_sections(results, facts), *((Section("Cases", case_entries(results)),) if cases else ())),
        facts.command,
    )


def headline(results: Sequence[SuiteResult]) -> Content:
    """Return the verdict in a sentence."""
    verdict, count = worst(results), len(results)
    of_it = _suites([result for result in results if result.verdict == verdict], count)
    match verdict:
        case "fail":
            return (Span("FAIL", "bad"), f": {'; '.join(_failures(results))}.")
        case "error":
            return (Span("ERROR", "bad"), f": too many answers are missing to decide on {of_it}.")
        case "inconclusive":
            return (Span("INCONCLUSIVE", "warn"), f": no worsening is proven, and none ruled out, in {of_it}.")
        case "not compared":
            return f"{count} suites, compared with nothing."
        case "pass":
            passed = sum(result.verdict == verdict for result in results)
            new = f"; {count - passed} are new" if passed < count else ""
            return (Span("PASS", "good"), f": {passed} suites are not worse than the baseline{new}.")


def _failures(results: Sequence[SuiteResult]) -> Iterator[str]:
    count = len(results)
    worse = [result for result in results if any(found.verdict == "fail" for found in result.metrics)]
    if worse:
        yield f"worse than the baseline in {_suites(worse, count)}"
    broken = [result for result in results if result.broken]
    if broken:
        cases = sum(len({case.id for case, _ in result.broken}) for result in broken)
        yield f"invariants are broken in {_suites(broken, count)}, by {cases:,} cases"


def _suites(results: Sequence[SuiteResult], count: int) -> str:
    names = _named([result.suite.name for result in results])
    return f"{len(results)} of {count} suites ({names})" if count > 1 else names


def _sections(results: Sequence[SuiteResult], facts: EvalFacts) -> Iterator[Section]:
    yield Section("Result", tuple(_result(results)))
    for title, table in (
        ("Broken invariants", broken_invariants(results)),
        ("Missing answers", missing_answers(results)),
    ):
        if table.rows:
            yield Section(title, (table,))
    listed, count = worst_cases(results)
    if count:
        more = (Paragraph(Span(f"{count - MOST_LISTED:,} more got worse", "soft")),) if count > MOST_LISTED else ()
        yield Section("Cases that got worse", (listed, *more))
    yield from _prompts(facts.prompts)
    by_suite = Details("By suite", (usage_table(results, by_suite=True),))
    yield Section("Tokens, cost and time of an answer", (usage_table(results), by_suite))


def _result(results: Sequence[SuiteResult]) -> Iterator[Block]:
    reasons = [
        (Span(metric_name(result.suite.name, found.metric)), f": {found.reason}")
        for result in results
        for found in result.metrics
        if found.verdict != "pass"
    ]
    new = sum(not case.baseline for result in results if result.metrics for case in result.cases)
    if new:
        reasons.append((Span(f"{new:,} cases"), " are new: the baseline's prompts can't be asked them"))
    if reasons:
        yield Bullets(tuple(reasons))
    if picture := metric_intervals(results):
        yield picture
    yield metric_table(results)


def _prompts(changes: Sequence[PromptChange]) -> Iterator[Section]:
    if changes:
        diffs = [
            (change.file, Diff(change.baseline, change.candidate, ("baseline", "candidate"))) for change in changes
        ]
        listed = Bullets(tuple((Span(file, code=True), f", {diff.summary()}") for file, diff in diffs))
        unfolded = len(diffs) <= MOST_UNFOLDED
        yield Section("Changed prompts", (listed, *(Details(file, (diff,), unfolded) for file, diff in diffs)))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"
