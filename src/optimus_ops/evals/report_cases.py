"""Cases in a report: each with what was asked, both answers beside one another, and what every assertion said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimus_ops.evals.case_state import answer_text, case_state, cases_in_order, shown_answer, state_span
from optimus_ops.evals.judge import Judged
from optimus_ops.evals.model import Case, Expectation
from optimus_ops.evals.result import CaseResult, SuiteResult
from optimus_ops.reports.comparison import Diff, Entries, Entry
from optimus_ops.reports.model import Block, Details, Output, Paragraph, Table
from optimus_ops.reports.spans import Content, Span
from optimus_ops.system.output_masking import masked

MOST_ENTRIES = 5000
"""Cases on a page; those that got worse come first, and all are in the JSON document."""
MOST_CHARACTERS = 6000
"""Of a text on a page."""
MOST_OF_VARIABLE = 1500
MOST_MESSAGES = 20
NUMBERS = frozenset({"baseline", "candidate"})


def case_entries(results: Sequence[SuiteResult]) -> tuple[Block, ...]:
    """Return the cases of all suites, and how many there was no room for."""
    ordered = cases_in_order(results)
    entries = Entries("cases", tuple(_entry(suite, case) for suite, case in ordered[:MOST_ENTRIES]))
    more = len(ordered) - MOST_ENTRIES
    return entries, *((Paragraph(f"{more:,} more cases are in the JSON document."),) if more > 0 else ())


def case_name(suite: SuiteResult, case: Case) -> str:
    """Return the name by which a page links to a case."""
    return f"{suite.suite.name} {case.id}"


def _entry(suite: SuiteResult, result: CaseResult) -> Entry:
    case = result.case
    title = (state_span(result, suite), " ", Span(f"{suite.suite.name}/{case.id}", code=True), f" {case.reason}")
    labels = {
        "state": (case_state(result, suite),),
        "suite": (suite.suite.name,),
        "tenant": (case.tenant or "none",),
        "locale": (case.locale or "none",),
        "tag": case.tags or ("none",),
    }
    return Entry(case_name(suite, case), title, labels, tuple(_blocks(result)))


def _blocks(result: CaseResult) -> Iterator[Block]:
    yield from _asked(result.case)
    ours = _cut(answer_text(result.candidate, fault=True))
    theirs = _cut(answer_text(result.baseline)) if result.baseline else ""
    if result.baseline and ours != theirs:
        yield Diff(theirs, ours, ("baseline", "candidate"))
    else:
        yield Output(ours)
    yield _checks(result)
    yield Paragraph(Span(_usage(result), "soft"))
    if len(result.candidate) + len(result.baseline) > 2:
        yield Details("All answers", tuple(_all_answers(result)))


def _asked(case: Case) -> Iterator[Block]:
    for message in case.messages[-MOST_MESSAGES:]:
        yield Paragraph((Span(f"{message.role}: ", "soft"), _cut(message.content)))
    if case.variables:
        shown = "\n\n".join(f"{name}:\n{_cut(text, MOST_OF_VARIABLE)}" for name, text in case.variables.items())
        yield Details("Variables of the prompt", (Output(shown),))


def _checks(result: CaseResult) -> Table:
    header = ("assertion", "metric", *(("baseline",) if result.baseline else ()), "candidate", "found")
    rows = (
        _check(result, place, expectation) for place, expectation in enumerate(result.case.expectations)
    )  # fmt: skip
    return Table(header, tuple(rows), NUMBERS)


def _check(result: CaseResult, place: int, expectation: Expectation) -> tuple[Content, ...]:
    metric: Content = Span("invariant", "warn") if expectation.invariant else expectation.metric
    found = dict.fromkeys(judged.checks[place].score.found for judged in result.candidate if judged.checks)
    sides = (*((result.baseline,) if result.baseline else ()), result.candidate)
    return (
        _cut(str(expectation.assertion)), metric, *(_passed(side, place) for side in sides),
        _cut("; ".join(each for each in found if each)),
    )  # fmt: skip


def _passed(side: Sequence[Judged], place: int) -> Content:
    """Return how many answers of a side an assertion holds for, of those that it could judge."""
    values = [judged.checks[place].score.value for judged in side if judged.checks]
    known = [value for value in values if value is not None]
    if not known:
        return Span("not judged", "warn")
    held = sum(known)
    text = f"{held:g} of {len(known)}" if len(known) > 1 or held not in (0, 1) else "yes" if held else "no"
    return Span(text, "good" if held == len(known) else "bad")


def _usage(result: CaseResult) -> str:
    answer = shown_answer(result.candidate, fault=True).answer
    place = f"{result.case.place}, {result.case.source}"
    if answer is None:
        return place
    parts = [f"{answer.prompt_tokens:,} tokens read", f"{answer.completion_tokens:,} written"]
    parts += [f"{answer.seconds:.2f} s"] if answer.seconds is not None else ["kept from before"]
    parts += [f"{answer.cost:.5f} USD"] if answer.cost is not None else []
    parts += [f"cut ({answer.finish_reason})"] if answer.finish_reason not in {"stop", ""} else []
    parts += [f"prompt {answer.prompt_version}"] if answer.prompt_version else []
    return ", ".join([*parts, place])


def _all_answers(result: CaseResult) -> Iterator[Block]:
    for name, side in (("baseline", result.baseline), ("candidate", result.candidate)):
        for number, judged in enumerate(side, 1):
            text = judged.answer.text if judged.answer else f"(no answer: {judged.collected.error})"
            yield Paragraph((Span(f"{name} {number}: ", "soft"), _cut(text)))


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    # Masked first: what is cut isn't recognised any more.
    shown = masked(text)
    more = len(shown) - most
    return f"{shown[:most]}… ({more:,} more characters)" if more > 0 else shown
