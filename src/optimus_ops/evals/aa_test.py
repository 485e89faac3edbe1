"""`invoke evals.aa-test`: how often the gate blocks unchanged prompts, by answers of the provider itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optimus_ops.errors import OpsError, Refused
from optimus_ops.evals.collect import Wanted
from optimus_ops.evals.command import answer_cache, arms_of, open_collector, open_votes
from optimus_ops.evals.gate.aa_test import AnswerCounts, ScoredCase, draw_gates, rate_interval
from optimus_ops.evals.gate.distributions import check_installed
from optimus_ops.evals.gate.model import GateSettings
from optimus_ops.evals.judge import judge
from optimus_ops.evals.judge_tools import AskedTools
from optimus_ops.evals.model import Suite
from optimus_ops.evals.platform import load_platform
from optimus_ops.evals.request import EvalRequest, check_budget, chosen_suites
from optimus_ops.evals.run import (
    BASELINE_REPEATS,
    CANDIDATE,
    CANDIDATE_REPEATS,
    KEPT_SECONDS,
    SECOND_REPEATS,
    EvalArms,
)
from optimus_ops.project.settings import load_project
from optimus_ops.reports.model import Run, Section, Table
from optimus_ops.reports.terminal import print_run
from optimus_ops.text.console import Console, print_json

GATES = 1_000
MOST_RATE = 0.01
"""The share of unchanged prompts that the gate may block."""
COUNTS = AnswerCounts(BASELINE_REPEATS, CANDIDATE_REPEATS, SECOND_REPEATS)
NUMBERS = frozenset({"cases", "answers a case", "gates", "blocked", "from", "to", "undecided"})


@dataclass(frozen=True, slots=True)
class AATest:
    """What became of the gates that were drawn from a suite's answers; shares of 1, `lower` and `upper` with 95 %."""

    suite: str
    cases: int
    answers: int
    gates: int
    blocked: float
    lower: float
    upper: float
    undecided: float


def aa_test(request: EvalRequest, *, json: bool) -> None:
    """Ask for all answers that a whole gate takes, of one prompt alone, and draw gates from them.

    Raises:
        Refused: there is no such suite or model, or the model always answers the same.
        OpsError: more than 2 % of cases lack an answer, or unchanged prompts are blocked more often than they may be.
        Interrupted: by SIGINT or SIGTERM; answers are kept.
    """
    project = load_project()
    platform = load_platform(project)
    endpoint = platform.endpoint(request.model)
    if endpoint.deterministic:
        raise Refused(f"--model {request.model or endpoint.model}: it always answers the same, so no gate of it errs")
    check_installed()
    check_budget(request.budget, endpoint)
    arms = arms_of(request, chosen_suites(request.suites, platform, project.root), platform, endpoint, project.root)
    console = Console.for_stream(sys.stderr)
    with (
        answer_cache(project) as answers,
        open_collector(request, endpoint, project, answers) as collector,
        open_votes(platform, endpoint, collector, answers) as votes,
        collector.limits.interruptible(),
    ):
        tools = AskedTools(votes, platform.embed)
        collector.say = console.say
        scored = []
        for arm in arms:
            wanted = _wanted(arm)
            with console.step(f"{arm.suite.name}: {len(wanted):,} answers"):
                found = collector.collect(wanted)
                answered = [(each.rendered.case, found[each.ticket].answer) for each in wanted]
                tools.prepare((case, answer) for case, answer in answered if answer)
                judged = {each.ticket: judge(each.rendered.case, found[each.ticket], tools).scores for each in wanted}
            if collector.limits.interruption:
                raise collector.limits.interruption
            scored.append((arm.suite, _scored(arm, judged)))
    results = [_test(suite, cases) for suite, cases in scored]
    _show(results, endpoint.model, json=json)


def _wanted(arms: EvalArms) -> list[Wanted]:
    return [
        Wanted(CANDIDATE, rendered, repeat, KEPT_SECONDS) for rendered in arms.candidate for repeat in range(COUNTS.all)
    ]


def _scored(arms: EvalArms, judged: Mapping[Any, Mapping[str, float]]) -> list[ScoredCase]:
    return [
        ScoredCase(
            rendered.case.id,
            rendered.case.cluster,
            tuple(judged[CANDIDATE, rendered.case.id, repeat] for repeat in range(COUNTS.all)),
        )
        for rendered in arms.candidate
    ]


def _test(suite: Suite, cases: Sequence[ScoredCase]) -> AATest:
    settings = GateSettings()
    missing = sum(not any(case.answers) for case in cases) / len(cases)
    if missing > settings.most_missing:
        raise OpsError(
            f"{suite.name}: {missing:.0%} of the cases have no answer", "run it again: what is there is kept"
        )
    found = draw_gates(cases, suite.blocking, COUNTS, settings, GATES)
    blocked = found["fail"]
    interval = rate_interval(blocked, GATES)
    return AATest(suite.name, len(cases), COUNTS.all, GATES, blocked / GATES, *interval, found["inconclusive"] / GATES)


def _show(results: Sequence[AATest], model: str, *, json: bool) -> None:
    if json:
        print_json({"schema": 1, "model": model, "most": MOST_RATE, "suites": [asdict(each) for each in results]})
    else:
        rows = tuple(
            (
                each.suite, f"{each.cases:,}", str(each.answers), f"{each.gates:,}", f"{each.blocked:.1%}",
                f"{each.lower:.1%}", f"{each.upper:.1%}", f"{each.undecided:.1%}",
            )
            for each in results
        )  # fmt: skip
        header = ("suite", "cases", "answers a case", "gates", "blocked", "from", "to", "undecided")
        section = Section("Unchanged prompts that the gate blocks", (Table(header, rows, NUMBERS),))
        print_run(Run(f"A/A test of {model}", "", {}, (section,)), Console.standard())
    if worst := [each for each in results if each.lower > MOST_RATE]:
        named = ", ".join(f"{each.suite} ({each.blocked:.1%})" for each in worst)
        raise OpsError(f"the gate blocks more than {MOST_RATE:.0%} of unchanged prompts: {named}")
