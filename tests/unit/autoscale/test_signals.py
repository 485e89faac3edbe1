"""Signals from two readings, and the tick that they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import replica, stack

from optimus_ops.autoscale.config import AutoscaleConfig
from optimus_ops.autoscale.lines import tick_line
from optimus_ops.autoscale.model import History, ServiceSettings
from optimus_ops.autoscale.reading import Ended, Reading
from optimus_ops.autoscale.signals import FIRST_READING, NO_READY, Readings, percentile_of, service_signals
from optimus_ops.autoscale.tick import NO_LIMITS, NOT_RUNNING, Tick, decide_all, held
from optimus_ops.model.budget_items import MEBI, Capacity
from optimus_ops.model.budgets import Limits
from optimus_ops.model.state import Replica, sorted_state

AI = replica("ai", 1, id="a1", health="healthy")
SECOND = replica("ai", 2, id="a2", health="healthy")


def web(count: float, seconds: float, in_flight: float = 0, tenants: Mapping[str, float] | None = None) -> Reading:
    return Reading(in_flight, ended={"/chat": Ended(count, seconds)}, tenants=tenants or {})


def readings(at: float, *found: Reading) -> Readings:
    return Readings(at, dict(zip(("a1", "a2"), found, strict=False)))


def test_arrivals_are_what_ended_and_what_is_in_flight_more_than_before() -> None:
    signals = service_signals([AI], readings(0, web(100, 50, 4)), readings(2, web(120, 60, 14)))
    [chat] = signals.classes
    assert chat.arrivals == pytest.approx(15)
    assert chat.seconds == pytest.approx(0.5)
    assert (signals.in_flight, signals.ready, signals.missing) == (14, 1, ())


def test_a_replica_that_is_new_or_was_started_again_counts_from_nothing() -> None:
    new = service_signals([AI, SECOND], readings(0, web(100, 50)), readings(2, web(100, 50), web(10, 5)))
    assert new.arrivals == pytest.approx(5)
    again = service_signals([AI], readings(0, web(100, 50)), readings(2, web(10, 5)))
    assert again.arrivals == pytest.approx(5)


def test_requests_that_have_not_ended_yet_arrived_all_the_same() -> None:
    [unknown] = service_signals([AI], readings(0, web(0, 0, 0)), readings(2, web(0, 0, 40))).classes
    assert (unknown.arrivals, unknown.seconds) == (20, 0)


def test_a_ready_replica_that_tells_nothing_is_missing_and_one_that_starts_is_not_asked() -> None:
    starting = replace(SECOND, health="starting")
    signals = service_signals([AI, starting], readings(0, web(0, 0)), readings(2, web(0, 0)))
    assert (signals.missing, signals.starting) == ((), 1)
    signals = service_signals([AI, SECOND], readings(0, web(0, 0)), readings(2, web(0, 0)))
    assert signals.missing == (f"/metrics of {SECOND.name}",)
    signals = service_signals([AI], readings(0, web(0, 0)), readings(2, Reading()))
    assert signals.missing == (f"requests in flight of {AI.name}",)
    assert service_signals([AI], None, readings(2, web(0, 0))).missing == (FIRST_READING,)


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_where_no_replica_is_ready_nothing_is_known_of_the_load(health: str) -> None:
    # One that is too busy for its health check must not be taken for one without requests.
    signals = service_signals([replace(AI, health=health)], readings(0, web(0, 0)), readings(2))
    assert signals.missing == (NO_READY,)


def test_a_worker_has_the_queue_that_others_tell_of() -> None:
    worker = Reading(3, worker=True, ended={"messages": Ended(10, 20)})
    queue = {"b1": Reading(0, waiting=50, oldest=9)}
    before, now = Readings(0, {"a1": worker, "b1": Reading(0, waiting=10)}), Readings(2, {"a1": worker, **queue})
    signals = service_signals([AI], before, now)
    assert (signals.queued, signals.oldest, signals.missing) == (50, 9, ())
    # 40 more wait, none has ended.
    assert signals.arrivals == pytest.approx(20)
    [missing] = service_signals([AI], before, Readings(2, {"a1": worker})).missing
    assert "queue" in missing


def test_rates_of_tenants_and_the_percentile() -> None:
    before, now = web(0, 0, tenants={"acme": 5}), web(0, 0, tenants={"acme": 25, "globex": 4})
    signals = service_signals([AI], readings(0, before), readings(2, now))
    assert signals.tenants == {"acme": 10, "globex": 2}
    assert percentile_of([Reading(buckets={0.1: 98, 1.0: 99, float("inf"): 100})]) == 1.0
    assert percentile_of([Reading(buckets={0.1: 1, float("inf"): 100}), Reading()]) == 0.0


@given(st.lists(st.tuples(*[st.floats(0, 1e6)] * 3), min_size=2, max_size=2), st.floats(0, 100))
def test_no_reading_gives_a_negative_or_infinite_rate(pair: list[tuple[float, float, float]], seconds: float) -> None:
    first, last = (web(count, time, flight, {"acme": count}) for count, time, flight in pair)
    signals = service_signals([AI], readings(0, first), readings(seconds, last))
    assert 0 <= signals.arrivals < float("inf")
    assert all(found.seconds >= 0 for found in signals.classes)
    assert all(rate >= 0 for rate in signals.tenants.values())


SETTINGS = AutoscaleConfig(
    (ServiceSettings("ai", 1, 9, 10, 7, 8, cool_down=0), ServiceSettings("memory", 1, 9, 10, 7, 8, cool_down=0)), {}
)
LIMITS = Limits(stack(), Capacity(None, 0, 24_000 * MEBI, 2))


def tick(replicas: list[Replica], flights: Mapping[str, float], limits: Limits | None = LIMITS) -> Tick:
    now = {found.id: Reading(flights.get(found.service, 0.0), ended={"": Ended(1, 1)}) for found in replicas}
    histories: dict[str, History] = {}
    state, before = sorted_state("shop", replicas), Readings(0, now)
    return decide_all(SETTINGS, state, (before, Readings(2, now)), histories, limits)


def replicas(service: str, count: int) -> list[Replica]:
    return [replica(service, number, id=f"{service}{number}", health="healthy") for number in range(1, count + 1)]


def test_what_grows_goes_first_and_then_one_service_shrinks_at_a_time() -> None:
    both = [*replicas("ai", 3), *replicas("memory", 2)]
    # The first look keeps what there is: how much was needed before is not known.
    state, quiet = sorted_state("shop", both), {found.id: Reading(0.0) for found in both}
    histories: Mapping[str, History] = {}
    numbers = []
    for at in (2.0, 4.0, 6.0):
        made = decide_all(SETTINGS, state, (Readings(at - 2, quiet), Readings(at, quiet)), histories, LIMITS)
        histories = made.histories
        numbers.append(made.changes)
    assert numbers[0] == {}
    assert numbers[1] == {"ai": 2}
    assert tick(both, {"memory": 30}).changes == {"memory": 4}


def test_a_service_that_does_not_run_is_left_alone() -> None:
    found = tick(replicas("ai", 1), {})
    assert [decision.hold for decision in found.decisions] == ["", NOT_RUNNING]
    assert found.changes == {}


def test_without_the_budgets_nothing_grows() -> None:
    found = tick(replicas("ai", 1), {"ai": 50}, limits=None)
    assert found.decisions[0].hold == NO_LIMITS
    assert found.changes == {}


def test_what_a_service_grows_by_is_not_there_for_the_next_one() -> None:
    reserved = {"deploy": {"resources": {"reservations": {"cpus": 1.0}}}}
    tight = Limits(
        stack(
            ai={"image": "a", "labels": {"com.optimus.scalable": "true"}, **reserved},
            memory={"image": "m", "labels": {"com.optimus.scalable": "true"}, **reserved},
        ),
        Capacity(None, 0, 24_000 * MEBI, 2),
    )
    found = tick([*replicas("ai", 1), *replicas("memory", 1)], {"ai": 20, "memory": 50}, tight)
    # Four cores may be promised: three for the first service, and the one that the second has.
    assert found.changes == {"ai": 3}
    assert [(decision.needed, decision.clamp) for decision in found.decisions] == [(3, ""), (8, "processors")]


def test_the_line_says_what_changes_and_why() -> None:
    found = tick(replicas("ai", 1), {"ai": 50})
    line = tick_line(found, "12:00:00")
    assert line.startswith("12:00:00  ai 1 -> ")
    assert "memory 0 (held: it does not run)" in line
    assert "held: the last change failed" in tick_line(held(found, "the last change failed"), "12:00:00")
