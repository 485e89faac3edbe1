"""What a run came to: on the terminal, as JSON, as a report, and as the exit code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.evals.collect import Collector
from optimus_ops.evals.document import document
from optimus_ops.evals.junit_run import junit_run
from optimus_ops.evals.prompt_changes import PromptChange
from optimus_ops.evals.recording import Recording
from optimus_ops.evals.report import NAME, EvalFacts, eval_report
from optimus_ops.evals.request import EvalRequest
from optimus_ops.evals.result import SuiteResult, worst
from optimus_ops.evals.run import CANDIDATE
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.junit import junit
from optimus_ops.reports.terminal import print_run
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console, print_json


def show_results(request: EvalRequest, results: Sequence[SuiteResult], facts: EvalFacts, *, json: bool) -> None:
    """Show results, and write the report where one is wanted.

    Raises:
        OpsError: with a gate, the verdict is neither PASS nor INCONCLUSIVE; without one, an invariant is broken.
    """
    console = Console.standard(json=json)
    # Only a page has all cases, and of many they take longer than the run.
    run = eval_report(results, facts, cases=bool(request.report))
    found = document(results, facts) if json or request.report else {}
    if json:
        print_json(found)
    else:
        print_run(run, console)
    if request.report:
        leave_report(run, Path(request.report), NAME, console, found, beside={f"{NAME}.xml": junit(junit_run(results))})
    if error := _bad(request, results, facts):
        raise error


def run_facts(
    request: EvalRequest,
    collector: Collector,
    votes: Collector | None,
    seconds: float,
    changes: tuple[PromptChange, ...],
) -> EvalFacts:
    """Return what a run depended on, and took; `votes` are a judge's, which cost as well."""
    asked = [model.endpoint for each in (collector, votes) if each for model in each.arms.values()]
    spent = collector.limits.spent if any(each.prices for each in asked) else None
    model = collector.arms[CANDIDATE].endpoint.model
    recording = collector.cache.coverage() if isinstance(collector.cache, Recording) else ""
    return EvalFacts(
        model, request.compared_with, command(), collector.asked, collector.kept, seconds, spent, recording, changes,
        at=time.time(), interrupted=collector.limits.interruption is not None,
    )  # fmt: skip


def _bad(request: EvalRequest, results: Sequence[SuiteResult], facts: EvalFacts) -> OpsError | None:
    verdict = worst(results)
    names = ", ".join(result.suite.name for result in results if result.verdict == verdict)
    if verdict == "error":
        # A recording has no new answers, however often it is read.
        hint = (
            "record what is missing: invoke evals.record FILE"
            if facts.recording
            else "run it again: what is there is kept"
        )
        return OpsError(f"too many answers are missing: {names}", f"nothing is decided; {hint}")
    if verdict == "fail" and (request.gate or any(result.broken for result in results)):
        return OpsError(f"worse than the baseline, or an invariant is broken: {names}")
    return None
