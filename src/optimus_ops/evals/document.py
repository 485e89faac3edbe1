"""A result as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from optimus_ops.evals.judge import Judged
from optimus_ops.evals.report import EvalFacts
from optimus_ops.evals.result import CaseResult, SuiteResult, worst

SCHEMA = 1


def document(results: Sequence[SuiteResult], facts: EvalFacts) -> dict[str, Any]:
    """Return the document."""
    return {
        "schema": SCHEMA,
        "verdict": worst(results),
        **asdict(facts),
        "suites": [_suite(result) for result in results],
    }


def _suite(result: SuiteResult) -> dict[str, Any]:
    return {
        "suite": result.suite.name,
        "digest": result.suite.digest,
        "verdict": result.verdict,
        "missing": result.missing,
        "metrics": [asdict(metric) for metric in result.metrics],
        "broken": [{"case": case.id, "invariant": broken} for case, broken in result.broken],
        "cases": [_case(case, 1) for case in result.cases] + [_case(case, 2) for case in result.second],
    }


def _case(result: CaseResult, stage: int) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "stage": stage,
        "cluster": result.case.cluster,
        "candidate": [_judged(judged) for judged in result.candidate],
        "baseline": [_judged(judged) for judged in result.baseline],
    }


def _judged(judged: Judged) -> dict[str, Any]:
    answer = judged.answer
    if answer is None:
        return {"error": judged.collected.error}
    return {
        "scores": dict(judged.scores),
        "faults": list(judged.faults),
        "unjudged": [
            f"{checked.expectation.assertion}: {checked.score.found}"
            for checked in judged.checks
            if checked.score.value is None
        ],
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "tokens": [answer.prompt_tokens, answer.completion_tokens],
        "seconds": answer.seconds,
        "cost": answer.cost,
        "prompt_version": answer.prompt_version,
        "cached": judged.collected.cached,
    }
