"""`invoke llm-eval`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import islice
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.evals.baseline_report import baseline_answers
from optimus_ops.evals.cache import AnswerCache
from optimus_ops.evals.candidate import candidate_prompts
from optimus_ops.evals.chat_api import BadKey
from optimus_ops.evals.collect import AnswerStore, Collector, Limits, Model
from optimus_ops.evals.endpoints import chat_api
from optimus_ops.evals.gate.distributions import check_installed
from optimus_ops.evals.gate.model import GateSettings
from optimus_ops.evals.judge_tools import JUDGE, AskedTools
from optimus_ops.evals.model import Suite
from optimus_ops.evals.plan import plan_json, plan_lines, plan_suite
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint, load_platform
from optimus_ops.evals.program import started
from optimus_ops.evals.prompt_changes import prompt_changes
from optimus_ops.evals.prompts import prompts_at, render_cases
from optimus_ops.evals.recording import NothingAsked, Recording
from optimus_ops.evals.request import EvalRequest, check_budget, chosen_suites
from optimus_ops.evals.result import SuiteResult
from optimus_ops.evals.run import BASELINE, CANDIDATE, EvalArms, EvalRun
from optimus_ops.project.settings import Project, load_project
from optimus_ops.reports.folder import check_folder
from optimus_ops.text.console import Console, print_json


def llm_eval(request: EvalRequest, *, json: bool) -> None:
    """Ask, judge, compare, and report.

    Raises:
        Refused: there is no such suite, model or baseline, or something in a suite or prompt is wrong.
        OpsError: with a gate, the verdict is neither PASS nor INCONCLUSIVE; without one, an invariant is broken.
        MissingPrerequisite: the gate is to compute, and there is no scipy.
        Interrupted: by SIGINT or SIGTERM; what is decided by then was shown.
    """
    project = load_project()
    platform = load_platform(project)
    endpoint = platform.endpoint(request.model)
    check_budget(request.budget, endpoint)
    if platform.judge and not endpoint.recording:
        check_budget(request.budget, platform.judge)
    if request.compared_with and not endpoint.deterministic:
        check_installed()
    suites = chosen_suites(request.suites, platform, project.root)
    if request.report:
        check_folder(Path(request.report))
    arms = arms_of(request, suites, platform, endpoint, project.root)
    if request.plan:
        _show_plan(request, arms, endpoint, platform.judge, json=json)
        return
    begun = time.monotonic()
    changes = prompt_changes(request, platform, project.root)
    with (
        answer_cache(project) as answers,
        open_collector(request, endpoint, project, answers) as collector,
        open_votes(platform, endpoint, collector, answers) as votes,
        collector.limits.interruptible(),
    ):
        results = _evaluated(request, arms, collector, AskedTools(votes, platform.embed))
    # What makes reports takes longer to load than the first answer to come.
    from optimus_ops.evals.show_results import run_facts, show_results  # noqa: PLC0415

    facts = run_facts(request, collector, votes, time.monotonic() - begun, changes)
    try:
        show_results(request, results, facts, json=json)
    finally:
        if collector.limits.interruption:
            raise collector.limits.interruption


def arms_of(
    request: EvalRequest, suites: Sequence[Suite], platform: EvalPlatform, endpoint: ModelEndpoint, root: Path
) -> list[EvalArms]:
    """Render all cases of suites as each side has them.

    Raises:
        Refused: a prompt or a variable doesn't exist, or there is no such baseline.
    """
    earlier = baseline_answers(request, suites)
    with ExitStack() as folders:
        ours = folders.enter_context(candidate_prompts(platform.prompts, request.prompt))
        theirs = None
        if request.baseline_commit:
            theirs = folders.enter_context(prompts_at(root, platform.prompts, request.baseline_commit))
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
            earlier.get(suite.name),
        )
        for suite in suites
    ]


@contextmanager
def answer_cache(project: Project) -> Iterator[AnswerCache]:
    """Give the answers that are kept of a project."""
    cache = AnswerCache(project.state / "evals" / "answers.sqlite")
    try:
        yield cache
    finally:
        cache.close()


@contextmanager
def open_collector(
    request: EvalRequest, endpoint: ModelEndpoint, project: Project, answers: AnswerStore
) -> Iterator[Collector]:
    """Give what collects answers of a model; one that is a program runs until the block ends.

    Of `answers` are those that were given before, and those of now are kept in it; a recording has its own.

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
            kept = answers
            program = started(endpoint.program, project.root) if endpoint.program else nullcontext()
            api = chat_api(endpoint, stack.enter_context(program))
        stack.callback(api.stop)
        yield Collector({CANDIDATE: api, BASELINE: api}, kept, Limits(request.budget), request.workers)


@contextmanager
def open_votes(
    platform: EvalPlatform, endpoint: ModelEndpoint, collector: Collector, kept: AnswerStore
) -> Iterator[Collector | None]:
    """Give what collects a judge's votes, within the limits of the run; beside a recording, the kept ones alone."""
    if platform.judge is None:
        yield None
        return
    judge: Model = NothingAsked(platform.judge) if endpoint.recording else chat_api(platform.judge)
    try:
        yield Collector({JUDGE: judge}, kept, collector.limits, collector.workers)
    finally:
        judge.stop()


def _evaluated(
    request: EvalRequest, arms: Sequence[EvalArms], collector: Collector, tools: AskedTools
) -> list[SuiteResult]:
    run = EvalRun(collector, tools, GateSettings(), request.repeats)
    results = []
    console = Console.for_stream(sys.stderr)
    collector.say = console.say
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
            if collector.limits.interruption:
                progress.note += ", interrupted"
    return results


def _show_plan(
    request: EvalRequest, arms: Sequence[EvalArms], endpoint: ModelEndpoint, judge: ModelEndpoint | None, *, json: bool
) -> None:
    plans = [plan_suite(each, endpoint, request.repeats, judge) for each in arms]
    if json:
        print_json(plan_json(plans, endpoint.model, request.compared_with))
        return
    for line in plan_lines(plans, endpoint.model, request.compared_with):
        Console.standard().say(line)
