"""The queueing model against queueing theory, and the rules against what their documentation says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest

from optimus_ops.autoscale.model import ServiceSettings, Signals
from optimus_ops.autoscale.simulate.arrivals import spike
from optimus_ops.autoscale.simulate.model import Arrivals, RequestKind, Scenario, SimulationResult
from optimus_ops.autoscale.simulate.queueing import simulate
from optimus_ops.autoscale.simulate.report import simulation_report
from optimus_ops.autoscale.simulate.rules import AutoscaleRule, FixedRule, HpaRule, KedaRule

SETTINGS = ServiceSettings("web", least=1, most=40, slots=8, target_in_flight=5.6, start_up_lead=8)


def constant(rate: float, seconds: int, most_wait: float, settings: ServiceSettings = SETTINGS) -> Scenario:
    kind = RequestKind("chat", 0.5, most_wait)
    arrivals = Arrivals("constant", (kind,), {"chat": (rate,) * seconds})
    return Scenario(arrivals, settings, start_up=8, patience=math.inf)


def erlang_c(servers: int, offered: float) -> float:
    """Return the probability of waiting (A. K. Erlang, 1917)."""
    top = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return top / (sum(offered**k / math.factorial(k) for k in range(servers)) + top)


def test_the_share_of_requests_that_wait_is_erlang_s() -> None:
    servers, rate = 16, 26.0
    [result] = simulate(constant(rate, 4_000, most_wait=0.0), [FixedRule(servers // int(SETTINGS.slots))])
    assert result.late / result.arrived == pytest.approx(erlang_c(servers, rate * 0.5), rel=0.15)


def test_every_request_is_counted_once_whatever_scales() -> None:
    scenario = Scenario(spike(4.0, 30, 60, 120), SETTINGS, start_up=8, patience=3)
    results = simulate(scenario, [AutoscaleRule(SETTINGS), HpaRule(SETTINGS), KedaRule(SETTINGS), FixedRule(1)])
    assert len({result.arrived for result in results}) == 1
    assert all(result.failed <= result.late <= result.arrived for result in results)
    # One replica serves a tenth of the load that comes: most of it gives up.
    assert results[-1].failed > results[-1].arrived / 5


def run_spike(seed: int) -> tuple[SimulationResult, ...]:
    return simulate(
        Scenario(spike(20.0, 60, 60, 330), SETTINGS, 8, seed=seed), [AutoscaleRule(SETTINGS), HpaRule(SETTINGS)]
    )


def test_a_spike_is_followed_sooner_than_by_hpa_s_rule_and_for_no_more() -> None:
    ours, hpa = run_spike(seed=2)
    assert ours.violating_seconds <= hpa.violating_seconds / 5
    assert ours.replica_seconds <= 1.15 * hpa.replica_seconds
    assert ours.failed == 0


def test_a_seed_gives_the_same_run() -> None:
    def run(seed: int) -> tuple[SimulationResult, ...]:
        return simulate(Scenario(spike(4.0, 30, 30, 30), SETTINGS, 8, seed=seed), [AutoscaleRule(SETTINGS)])

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_hpa_doubles_at_most_and_goes_down_by_the_highest_of_five_minutes() -> None:
    rule = HpaRule(SETTINGS)
    assert rule.wanted(Signals(0, 2, in_flight=16)) == 3
    assert rule.wanted(Signals(15, 10, in_flight=80)) == 15
    # Within the tolerance of a tenth.
    assert rule.wanted(Signals(30, 15, in_flight=15 * 5.6 * 1.09)) == 15
    assert rule.wanted(Signals(45, 15, in_flight=5.6)) == 15
    assert rule.wanted(Signals(340, 15, in_flight=5.6)) == 1


def test_hpa_adds_no_more_than_as_many_as_there_are_or_four() -> None:
    rule = KedaRule(SETTINGS)
    assert rule.wanted(Signals(0, 2, in_flight=16, queued=500)) == 6
    assert rule.wanted(Signals(15, 6, in_flight=48)) == 12


def test_keda_sees_the_queue_and_looks_every_half_minute() -> None:
    rule = KedaRule(SETTINGS)
    assert rule.wanted(Signals(0, 10, in_flight=40, queued=40)) == 15
    assert rule.wanted(Signals(15, 10, in_flight=0, queued=0)) == 15
    assert rule.metric(Signals(30, 15, in_flight=56, queued=0)) == 56


def test_the_report_has_the_figures_that_are_wanted_and_two_pictures() -> None:
    scenario = Scenario(spike(2.0, 30, 30, 30), SETTINGS, start_up=8)
    run = simulation_report(scenario, simulate(scenario, [AutoscaleRule(SETTINGS), HpaRule(SETTINGS)]))
    blocks = {type(block).__name__ for block in run.blocks()}
    assert {"Objective", "Table", "Chart"} <= blocks
    without_step = replace(scenario, arrivals=replace(scenario.arrivals, step=None))
    plain = simulation_report(without_step, simulate(without_step, [AutoscaleRule(SETTINGS)]))
    assert "Objective" not in {type(block).__name__ for block in plain.blocks()}


@dataclass
class Switching:
    """A rule that wants what it is told, one after the other, and notes when it was asked."""

    numbers: list[int]
    asked: list[float] = field(default_factory=list)
    name: str = "switching"
    interval: float = 10.0
    serial: bool = False

    def wanted(self, signals: Signals) -> int:
        self.asked.append(signals.at)
        return self.numbers[min(len(self.asked), len(self.numbers)) - 1]


def test_a_rule_looks_first_when_the_scenario_says() -> None:
    usual, early = Switching([1]), Switching([1])
    scenario = constant(1.0, 35, most_wait=1.0)
    simulate(scenario, [usual])
    simulate(replace(scenario, first_look=4.0), [early])
    assert usual.asked == [10, 20, 30]
    assert early.asked == [4, 14, 24, 34]


def test_a_replica_that_leaves_is_paid_for_until_it_is_gone() -> None:
    scenario = constant(0.001, 35, most_wait=1.0)
    [at_once] = simulate(scenario, [Switching([3, 1])])
    [slowly] = simulate(replace(scenario, leaving=7.0), [Switching([3, 1])])
    # Two replicas more, for 7 s each.
    assert slowly.replica_seconds - at_once.replica_seconds == pytest.approx(14)
    assert [found.paid for found in slowly.seconds[25:29]] == [3, 3, 1, 1]
