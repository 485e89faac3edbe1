"""Pairs of live runs of the same spike, by our rule and by HPA's, each beside what the model makes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from statistics import median

from benchmarks.autoscale_run import SETTINGS, Followed
from benchmarks.hpa_autoscaler import hpa_rule
from optimus_ops.autoscale.model import Ceiling
from optimus_ops.autoscale.simulate.model import Arrivals, Scenario, SimulationResult
from optimus_ops.autoscale.simulate.queueing import simulate
from optimus_ops.autoscale.simulate.report import OURS, REFERENCE
from optimus_ops.autoscale.simulate.rules import HPA_SYNC_SECONDS, TICK_SECONDS, AutoscaleRule, KedaRule

TOLD_ALL = "HPA, told of what waits"


@dataclass(frozen=True)
class Side:
    """A live run by one rule, and what the model makes of the same requests with the delays that were seen."""

    rule: str
    run: Followed
    scenario: Scenario

    @classmethod
    def of(cls, rule: str, run: Followed, offered: Arrivals, seed: int) -> Side:
        """Return a run with a model that starts, leaves and looks as it did."""
        interval = TICK_SECONDS if rule == OURS else HPA_SYNC_SECONDS
        settings = replace(SETTINGS, start_up_lead=run.start_up)
        delays = {"leaving": run.leaving, "first_look": run.first_look(interval)}
        return cls(rule, run, Scenario(offered, settings, run.start_up, seed=seed, **delays))

    @cached_property
    def live(self) -> SimulationResult:
        """What became of the run."""
        return self.run.result(self.rule, self.scenario)

    @cached_property
    def model(self) -> SimulationResult:
        """What the model makes of it."""
        settings = self.scenario.settings
        ours = AutoscaleRule(settings, ceiling=Ceiling(at_once=os.cpu_count()))
        return simulate(self.scenario, [ours if self.rule == OURS else hpa_rule(settings)])[0]

    @cached_property
    def told_all(self) -> SimulationResult:
        """What HPA's rule would make of it in the model, if it were told of all that waits."""
        settings = self.scenario.settings
        return simulate(self.scenario, [KedaRule(settings, TOLD_ALL, window=settings.cool_down, poll=0.0)])[0]


@dataclass(frozen=True)
class Pair:
    """The same requests, once followed by our rule and once by HPA's."""

    ours: Side
    reference: Side

    @classmethod
    def of(cls, ours: Followed, reference: Followed, offered: Arrivals, seed: int) -> Pair:
        """Return both sides."""
        return cls(Side.of(OURS, ours, offered, seed), Side.of(REFERENCE, reference, offered, seed))

    @property
    def late(self) -> float:
        """Violating seconds, in times of HPA's; where HPA's rule had none, infinite unless we had none either."""
        return quotient(self.ours.live.violating_seconds, self.reference.live.violating_seconds)

    @property
    def cost(self) -> float:
        """Replica-seconds, in times of HPA's."""
        return quotient(self.ours.live.replica_seconds, self.reference.live.replica_seconds)


def quotient(ours: float, theirs: float) -> float:
    """Return the ratio; of nothing to nothing 1."""
    if theirs:
        return ours / theirs
    return inf if ours else 1.0


def typical(pairs: Sequence[Pair]) -> Pair:
    """Return the pair whose ratio of violating seconds is the median, of those with the dearest one."""
    middle = median(sorted(pair.late for pair in pairs)[: len(pairs) // 2 + 1][-1:])
    return max((pair for pair in pairs if pair.late == middle), key=lambda pair: pair.cost)
