"""`invoke llm-eval`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

from optimus_ops.change.run import command
from optimus_ops.errors import OpsError
from optimus_ops.evals.cache import AnswerCache
from optimus_ops.evals.candidate import candidate_prompts
from optimus_ops.evals.chat_api import BadKey
from optimus_ops.evals.collect import AnswerStore, Budget, Collector, Model
from optimus_ops.evals.document import document
from optimus_ops.evals.endpoints import chat_api
from optimus_ops.evals.gate.model import GateSettings
from optimus_ops.evals.judge_tools import judge_tools
from optimus_ops.evals.junit_run import junit_run
from optimus_ops.evals.model import JudgeTools, Suite
from optimus_ops.evals.plan import plan_json, plan_lines, plan_suite
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint, load_platform
from optimus_ops.evals.program import started
from optimus_ops.evals.prompt_changes import prompt_changes
from optimus_ops.evals.prompts import prompts_at, render_cases
from optimus_ops.evals.recording import NothingAsked, Recording
from optimus_ops.evals.report import NAME, EvalFacts, eval_report
from optimus_ops.evals.request import EvalRequest, check_budget, chosen_suites
from optimus_ops.evals.result import SuiteResult, worst
from optimus_ops.evals.run import BASELINE, CANDIDATE, EvalArms, EvalRun
from optimus_ops.project.settings import Project, load_project
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.folder import check_folder
from optimus_ops.reports.junit import junit
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


def llm_eval(request: EvalRequest, *, json: bool) -> None:
    """Ask, judge, compare, and report.

    Raises:
        Refused: there is no such suite, model or baseline, or something in a suite or prompt is wrong.
        OpsError: with a gate, the verdict is neither PASS nor INCONCLUSIVE; without one, an invariant is broken.
    """
    project = load_project()
    platform = load_platform(project)
    endpoint = platform.endpoint(request.model)
    check_budget(request.budget, endpoint)
    suites = chosen_suites(request.suites, platform, project.root)
    if request.report:
        check_folder(Path(request.report))
    arms = arms_of(request, suites, platform, endpoint, project.root)
    if request.plan:
        _show_plan(request, arms, endpoint, json=json)
        return
    begun = time.monotonic()
    changes = prompt_changes(request, platform, project.root)
    tools = judge_tools(platform, answer_cache(project), offline=endpoint.recording is not None)
    with open_collector(request, endpoint, project) as collector:
        results = _evaluated(request, arms, collector, tools)
    facts = replace(_facts(request, collector, endpoint, time.monotonic() - begun), prompts=changes, at=time.time())
    _show(request, results, facts, json=json)


def arms_of(
    request: EvalRequest, suites: Sequence[Suite], platform: EvalPlatform, endpoint: ModelEndpoint, root: Path
) -> list[EvalArms]:
    """Render all cases of suites as each side has them.

    Raises:
        Refused: a prompt or a variable doesn't exist, or there is no such baseline.
    """
    with ExitStack() as folders:
        ours = folders.enter_context(candidate_prompts(platform.prompts, request.prompt))
        theirs = None
        if request.compared_with:
            theirs = folders.enter_context(prompts_at(root, platform.prompts, request.compared_with))
        # Of all suites at once: each time a program is started.
        cases = [case for suite in suites for case in suite.cases]
        candidate, baseline = (
            iter(render_cases(platform.renderer, folder, cases, older=folder is theirs) if folder else ())
            for folder in (ours, theirs)
        )
    return [
        EvalArms(
            suite,
            list(islice(candidate, len(suite.cases))),
            list(islice(baseline, len(suite.cases))),
            endpoint.deterministic,
        )
        for suite in suites
    ]


def answer_cache(project: Project) -> AnswerCache:
    """Return the answers that are kept of a project."""
    return AnswerCache(project.state / "evals" / "answers")


@contextmanager
def open_collector(request: EvalRequest, endpoint: ModelEndpoint, project: Project) -> Iterator[Collector]:
    """Give what collects answers of a model; one that is a program runs until the block ends.

    Raises:
        Refused: its address can't be used, or its recording can't be read.
        OpsError: its program does not start.
    """
    with ExitStack() as stack:
        if endpoint.recording:
            shown = str(endpoint.recording.relative_to(project.root))
            kept: AnswerStore = Recording.read(endpoint.recording, shown)
            api: Model = NothingAsked(endpoint)
        else:
            kept = answer_cache(project)
            program = started(endpoint.program, project.root) if endpoint.program else nullcontext()
            api = chat_api(endpoint, stack.enter_context(program))
        yield Collector({CANDIDATE: api, BASELINE: api}, kept, Budget(request.budget), request.workers)


def _evaluated(
    request: EvalRequest, arms: Sequence[EvalArms], collector: Collector, tools: JudgeTools
) -> list[SuiteResult]:
    run = EvalRun(collector, tools, GateSettings(), request.repeats)
    results = []
    console = Console.for_stream(sys.stderr)
    for each in arms:
        new = f", {each.new:,} of them new" if each.new else ""
        with console.step(f"{each.suite.name}: {len(each.candidate):,} cases{new}") as progress:

            def note(done: int, wanted: int) -> None:
                progress.note = f"{done:,}/{wanted:,} answers"

            collector.note = note
            try:
                results.append(run.evaluate(each))
            except BadKey as error:
                raise OpsError(str(error)) from error
    return results


def _show_plan(request: EvalRequest, arms: Sequence[EvalArms], endpoint: ModelEndpoint, *, json: bool) -> None:
    plans = [plan_suite(each, endpoint, request.repeats) for each in arms]
    if json:
        print_json(plan_json(plans, endpoint.model, request.compared_with))
        return
    for line in plan_lines(plans, endpoint.model, request.compared_with):
        Console.standard().say(line)


def _show(request: EvalRequest, results: Sequence[SuiteResult], facts: EvalFacts, *, json: bool) -> None:
    run, found = eval_report(results, facts), document(results, facts)
    console = Console.standard(json=json)
    if json:
        print_json(found)
    else:
        text = terminal_text(run, colour=console.colour, columns=layout_columns(console.stream))
        console.stream.write(text)
    if request.report:
        leave_report(run, Path(request.report), NAME, console, found, beside={f"{NAME}.xml": junit(junit_run(results))})
    if error := _bad(request, results, facts):
        raise error


def _facts(request: EvalRequest, collector: Collector, endpoint: ModelEndpoint, seconds: float) -> EvalFacts:
    spent = collector.budget.spent if endpoint.prices else None
    recording = collector.cache.coverage() if isinstance(collector.cache, Recording) else ""
    counts = collector.asked, collector.kept
    return EvalFacts(endpoint.model, request.compared_with, command(), *counts, seconds, spent, recording)


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
