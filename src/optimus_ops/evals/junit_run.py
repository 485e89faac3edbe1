"""The result as tests, which CI systems show: each metric that blocks, and each case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimus_ops.checks.model import Check, Verdict
from optimus_ops.evals.case_state import case_state
from optimus_ops.evals.gate.model import GateVerdict
from optimus_ops.evals.result import CaseResult, SuiteResult
from optimus_ops.reports.model import Run, Section

VERDICTS: dict[GateVerdict, Verdict] = {"pass": "ok", "fail": "failed", "inconclusive": "not allowed"}


def junit_run(results: Sequence[SuiteResult]) -> Run:
    """Return the tests. A case fails where it breaks an invariant, and is skipped where it has no answer.

    That single cases got worse is no failure: the gate decides on all of them together.
    """
    return Run("llm-eval", sections=tuple(Section(each.suite.name, tuple(_tests(each))) for each in results))


def _tests(result: SuiteResult) -> Iterator[Check]:
    name = result.suite.name
    for found in result.metrics:
        yield Check(f"{name}.gate", found.metric, VERDICTS[found.verdict], found.reason)
    broken: dict[str, list[str]] = {}
    for case, invariant in result.broken:
        broken.setdefault(case.id, []).append(invariant)
    for each in result.cases:
        yield _case(each, result, "; ".join(broken.get(each.case.id, ())))


def _case(case: CaseResult, result: SuiteResult, broken: str) -> Check:
    verdict: Verdict = "failed" if broken else "not allowed" if case.is_missing else "ok"
    errors = (judged.collected.error for judged in (*case.candidate, *case.baseline) if judged.answer is None)
    found = broken or next(errors, case_state(case, result))
    return Check(result.suite.name, case.case.id, verdict, found, case.case.reason if broken else "")
