"""Lists of a report: cases to look at first, invariants that are broken, answers that are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from optimus_ops.evals.case_state import case_state, cases_in_order, state_span
from optimus_ops.evals.judge import Judged
from optimus_ops.evals.report_cases import case_name
from optimus_ops.evals.result import WORST, CaseResult, SuiteResult
from optimus_ops.reports.model import Table
from optimus_ops.reports.spans import Content, Span
from optimus_ops.system.output_masking import masked

MOST_LISTED = 10
MOST_NAMED = 5
MOST_CHARACTERS = 120
NUMBERS = frozenset({"cases"})


def worst_cases(results: Sequence[SuiteResult]) -> tuple[Table, int]:
    """Return the cases that got worse, the worst of each suite first, and how many there are."""
    bad = [(suite, case) for suite, case in cases_in_order(results) if case_state(case, suite) == "worse"]
    verdicts = {result.suite.name: WORST.index(result.verdict) for result in results}
    ranks = Counter[str]()
    ordered = []
    for suite, case in bad:
        # Some of each suite, of those that fail before the others.
        ordered.append((verdicts[suite.suite.name], ranks[suite.suite.name], suite, case))
        ranks[suite.suite.name] += 1
    ordered.sort(key=lambda each: each[:2])
    rows = tuple(
        (case_link(suite, case), state_span(case, suite), shortened(_why(case)))
        for *_, suite, case in ordered[:MOST_LISTED]
    )
    return Table(("case", "state", "why"), rows), len(bad)


def broken_invariants(results: Sequence[SuiteResult]) -> Table:
    """Return invariants that are broken, with the cases that break them."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for case, broken in result.broken:
            found.setdefault((result.suite.name, broken), []).append(case.id)
    rows = tuple(
        (suite, f"{len(cases):,}", shortened(broken), _named(cases)) for (suite, broken), cases in found.items()
    )
    return Table(("suite", "cases", "reason", "where"), rows, NUMBERS)


def missing_answers(results: Sequence[SuiteResult]) -> Table:
    """Return the reasons why answers are missing, or were not judged, with the cases."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for case in (*result.cases, *result.second):
            for reason in dict.fromkeys(_missing((*case.candidate, *case.baseline))):
                found.setdefault((result.suite.name, reason), []).append(case.case.id)
    rows = tuple(
        (suite, f"{len(set(cases)):,}", shortened(reason), _named(list(dict.fromkeys(cases))))
        for (suite, reason), cases in found.items()
    )
    return Table(("suite", "cases", "reason", "where"), rows, NUMBERS)


def case_link(suite: SuiteResult, case: CaseResult) -> Content:
    """Return the name of a case as a link to it."""
    return Span(f"{suite.suite.name}/{case.case.id}", link=f"##{case_name(suite, case.case)}")


def _missing(judged: Iterable[Judged]) -> Iterable[str]:
    for each in judged:
        if each.answer is None:
            yield each.collected.error
        for checked in each.checks:
            if checked.score.value is None:
                yield f"not judged: {checked.expectation.assertion}: {checked.score.found}"


def _why(case: CaseResult) -> str:
    return "; ".join(dict.fromkeys(each for judged in case.candidate for each in judged.faults))


def _named(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - MOST_NAMED:,} more" if len(cases) > MOST_NAMED else ""
    return f"{', '.join(cases[:MOST_NAMED])}{more}"


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return the beginning of a text, on one line, free of secrets."""
    # Masked first: what is cut isn't recognised any more.
    shown = " ".join(masked(text).split())
    return f"{shown[:most]}…" if len(shown) > most else shown
