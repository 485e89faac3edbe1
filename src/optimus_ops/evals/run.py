"""One evaluation: both sides answer, the first stage looks at all, the second at what is suspected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from optimus_ops.evals.collect import Collected, Collector, Ticket, Wanted
from optimus_ops.evals.gate.decide import decide, suspected
from optimus_ops.evals.gate.model import GateSettings
from optimus_ops.evals.judge import Judged, judge
from optimus_ops.evals.judge_tools import AskedTools
from optimus_ops.evals.model import Suite
from optimus_ops.evals.prompts import RenderedCase
from optimus_ops.evals.result import CaseResult, SuiteResult, metric_scores

CANDIDATE, BASELINE = "candidate", "baseline"
BASELINE_REPEATS, CANDIDATE_REPEATS, SECOND_REPEATS = 5, 1, 4
DAY = 86_400.0
KEPT_SECONDS, FRESH_SECONDS = 30 * DAY, 1 * DAY
"""How old answers may be in the first stage, and in the second: there both sides have to be of one time."""


@dataclass(frozen=True)
class EvalArms:
    """A suite's cases as each side sends them; no baseline compares nothing, nor does a case that is new.

    Args:
        deterministic: whether the same request has the same answer each time, so that one is enough.
        earlier: the baseline's answers by the ids of cases, where they are those of an earlier run.
    """

    suite: Suite
    candidate: Sequence[RenderedCase]
    baseline: Sequence[RenderedCase] = ()
    deterministic: bool = False
    earlier: Mapping[str, tuple[Collected, ...]] | None = None

    @property
    def new(self) -> int:
        """How many cases the baseline's prompts can't be asked."""
        return sum(not each.can_be_sent for each in self.baseline)

    @property
    def is_compared(self) -> bool:
        """Whether there is anything to compare."""
        return self.earlier is not None or self.new < len(self.baseline)


@dataclass(frozen=True)
class EvalRun:
    """Runs suites.

    Args:
        repeats: the candidate's answers to each case in the first stage.
    """

    collector: Collector
    tools: AskedTools = field(default_factory=AskedTools)
    settings: GateSettings = field(default_factory=GateSettings)
    repeats: int = CANDIDATE_REPEATS

    def evaluate(self, arms: EvalArms) -> SuiteResult:
        """Return the result of a suite; `Collector.collect` says what is raised."""
        first = self._results(arms, self._first_stage(arms))
        if not arms.is_compared:
            return SuiteResult(arms.suite, first, settings=self.settings)
        scores = metric_scores(first, arms.suite.blocking)
        if arms.earlier is not None:
            # Of an earlier run nothing more can be asked: what is there decides.
            verdicts = decide(scores, scores, self.settings, deterministic=arms.deterministic)
            return SuiteResult(arms.suite, first, (), verdicts, self.settings)
        doubted = () if arms.deterministic else suspected(scores, self.settings)
        second = self._results(arms, self._second_stage(arms)) if doubted else ()
        verdicts = decide(
            scores, metric_scores(second, doubted), self.settings, deterministic=arms.deterministic
        )  # fmt: skip
        return SuiteResult(arms.suite, first, second, verdicts, self.settings)

    def _first_stage(self, arms: EvalArms) -> Mapping[str, range]:
        once = range(1)
        kept = once if arms.deterministic else range(BASELINE_REPEATS)
        return {
            CANDIDATE: once if arms.deterministic else range(self.repeats),
            BASELINE: kept if arms.is_compared and arms.earlier is None else range(0),
        }

    def _second_stage(self, arms: EvalArms) -> Mapping[str, range]:
        first = self._first_stage(arms)
        after = max(each.stop for each in first.values())
        # Other repeats than the first stage's: what misled there has nothing to do with these.
        return dict.fromkeys(first, range(after, after + SECOND_REPEATS))

    def _results(self, arms: EvalArms, repeats: Mapping[str, range]) -> tuple[CaseResult, ...]:
        fresh = min(each.start for each in repeats.values()) > 0
        sides = {CANDIDATE: arms.candidate, BASELINE: arms.baseline}
        # In turn, so that a slow or bad moment of the provider is both sides'.
        wanted = [
            Wanted(arm, rendered, repeat, FRESH_SECONDS if fresh else KEPT_SECONDS)
            for place in range(len(arms.candidate))
            for repeat in sorted({*repeats[CANDIDATE], *repeats[BASELINE]})
            for arm in sides
            if repeat in repeats[arm]
            for rendered in sides[arm][place : place + 1]
            if rendered.can_be_sent
        ]
        found = self.collector.collect(wanted)
        earlier = arms.earlier or {}
        there = [(each.rendered.case, found[each.ticket]) for each in wanted]
        there += [(each.case, kept) for each in arms.candidate for kept in earlier.get(each.case.id, ())]
        self.tools.prepare((case, collected.answer) for case, collected in there if collected.answer)
        return tuple(
            CaseResult(
                rendered.case,
                self._judged(rendered, CANDIDATE, repeats, found),
                tuple(judge(rendered.case, kept, self.tools) for kept in earlier.get(rendered.case.id, ()))
                or (self._judged(rendered, BASELINE, repeats, found) if theirs and theirs.can_be_sent else ()),
            )
            for rendered, theirs in zip_longest(arms.candidate, arms.baseline)
        )

    def _judged(
        self, rendered: RenderedCase, arm: str, repeats: Mapping[str, range], found: Mapping[Ticket, Collected]
    ) -> tuple[Judged, ...]:
        case = rendered.case
        return tuple(judge(case, found[arm, case.id, repeat], self.tools) for repeat in repeats[arm])
