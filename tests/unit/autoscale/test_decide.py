"""The decision, by examples of what has to come out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.autoscale.settings import SETTINGS, follow, steady

from optimus_ops.autoscale.decide import decide
from optimus_ops.autoscale.load_estimate import STABLE_SECONDS
from optimus_ops.autoscale.model import Ceiling, ClassLoad, History, Signals


def test_a_constant_load_gets_what_little_s_law_and_the_target_say() -> None:
    # 100 requests/s of 0.5 s are 50 at once: 8 replicas at 7 each; with safety 57.1 in 10 slots: 6.
    decisions = follow([100.0] * 60, ready=8)
    assert {decision.desired for decision in decisions} == {8}


def test_ten_times_the_load_begins_a_panic_and_looks_ahead() -> None:
    decisions = follow([10.0] * 20 + [30.0, 60.0, 90.0], ready=1)
    assert decisions[19].desired == 1
    assert not decisions[19].panic
    assert decisions[-1].panic
    # More than the 45 at once that there are by now.
    assert decisions[-1].desired > 8


def test_nothing_shrinks_until_the_cool_down_is_over_and_then_one_replica_at_a_time() -> None:
    decisions = follow([100.0] * 20 + [10.0] * 200, ready=8)
    numbers = [decision.desired for decision in decisions]
    leaving = next(tick for tick, number in enumerate(numbers) if number < 8)
    # What is offered is a mean over the long window, which still has the high load in it for so long.
    assert (leaving - 19) * 2 >= SETTINGS.cool_down - STABLE_SECONDS
    assert {before - after for before, after in zip(numbers[leaving:], numbers[leaving + 1 :], strict=False)} == {0, 1}
    assert numbers[-1] == SETTINGS.least


def test_slow_requests_make_the_cool_down_longer() -> None:
    history = History()
    for tick in range(400):
        busy = tick < 10
        signals = replace(steady(2.0 * tick, 100.0 if busy else 10.0, 8), p99=300.0)
        decision, history = decide(signals, history, SETTINGS)
        assert decision.desired == 8 or 2.0 * tick > 600.0


def test_nothing_leaves_while_another_replica_drains_or_starts() -> None:
    history = History(needs=((0.0, 1),))
    for signals in (steady(301.0, 1.0, 5), replace(steady(301.0, 1.0, 5), starting=1)):
        alone, _ = decide(signals, history, SETTINGS)
        beside, _ = decide(replace(signals, draining=1), history, SETTINGS)
        assert alone.desired == (4 if not signals.starting else 6)
        assert beside.desired == signals.current


def test_a_missing_signal_holds_and_is_named() -> None:
    signals = replace(steady(2.0, 500.0, 3), missing=("/metrics of web-2",))
    decision, history = decide(signals, History(), SETTINGS)
    assert (decision.desired, decision.hold) == (3, "missing: /metrics of web-2")
    assert history == History()


def test_the_bound_is_named_and_the_tenant_that_sends_more_than_its_share() -> None:
    signals = Signals(
        0.0, 2, in_flight=20, classes=(ClassLoad("chat", 100.0, 1.0),), tenants={"acme": 80.0, "globex": 20.0}
    )
    by_budget, _ = decide(signals, History(), SETTINGS, Ceiling(4, "memory", "memory: …"))
    assert (by_budget.desired, by_budget.clamp) == (4, "memory")
    # 40 of 100 can be served: 20 for each, which globex does not exceed.
    assert dict(by_budget.shed) == pytest.approx({"acme": 60.0})
    by_file, _ = decide(signals, History(), replace(SETTINGS, most=3))
    assert (by_file.desired, by_file.clamp) == (3, "max")


def test_within_its_bound_nobody_is_shed() -> None:
    decision, _ = decide(replace(steady(0.0, 20.0, 2), tenants={"acme": 20.0}), History(), SETTINGS)
    assert (decision.clamp, dict(decision.shed)) == ("", {})


def test_a_backlog_gets_what_works_it_off_within_the_target() -> None:
    idle = steady(0.0, 20.0, 2)
    waiting, _ = decide(replace(idle, queued=1000.0), History(), SETTINGS)
    # 1,000 x 0.5 s within 5 s are 100 slots, and 10 are busy.
    assert waiting.desired == 16
    assert decide(idle, History(), SETTINGS)[0].desired == 2


def test_requests_of_an_unknown_service_time_count_as_many_slots_as_there_are_requests() -> None:
    signals = Signals(0.0, 1, in_flight=50.0, classes=(ClassLoad("chat", 25.0, 0.0),))
    assert decide(signals, History(), SETTINGS)[0].desired == 8


def test_waiting_in_a_rush_does_not_count_as_service_time() -> None:
    history = History()
    for tick in range(30):
        _, history = decide(steady(2.0 * tick, 20.0, 2), history, SETTINGS)
    # Answers take ten times as long because requests wait in the replica.
    crowded = Signals(60.0, 2, in_flight=100.0, classes=(ClassLoad("chat", 20.0, 5.0),))
    decision, history = decide(crowded, history, SETTINGS)
    assert history.service_seconds["chat"] == pytest.approx(0.5)
    assert decision.desired < 5


def test_as_many_replicas_start_at_once_as_there_are_processors() -> None:
    signals, history = replace(steady(2.0, 80.0, 1), in_flight=40.0), History()
    free, _ = decide(signals, history, SETTINGS)
    paced, _ = decide(signals, history, SETTINGS, Ceiling(at_once=2))
    assert free.desired > 3
    assert (paced.desired, paced.clamp, paced.reasons[-1]) == (3, "", "2 at once, one for each processor")


def test_what_is_seen_to_come_keeps_its_replicas_while_it_does() -> None:
    decisions = follow([20.0] * 20 + [30.0, 40.0], ready=2)
    history = History()
    for tick, rate in enumerate([20.0] * 20 + [30.0, 40.0]):
        _, history = decide(steady(2.0 * tick, rate, 2), history, SETTINGS)
    grown = decisions[-1].desired
    # What arrives by then needs fewer: the rest is for what was seen to come.
    later, _ = decide(steady(56.0, 40.0, grown), history, SETTINGS)
    assert later.needed < grown
    assert (later.desired, later.panic) == (grown, True)
