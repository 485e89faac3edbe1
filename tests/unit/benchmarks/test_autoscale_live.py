"""Figures of a stack that was seen to follow its load."""

from __future__ import annotations

from benchmarks.autoscale_live import KIND, LiveRun, enough_at, replica_seconds, violating_seconds

from optimus_ops.autoscale.simulate.model import Arrivals
from optimus_ops.load.result import ErrorKind, RequestResult


def answer(second: float, seconds: float, error: ErrorKind | None = None) -> RequestResult:
    return RequestResult("r", "chat", 100 + second, 100 + second, 100 + second + seconds, status=200, error=error)


def test_a_second_violates_if_more_than_a_twentieth_of_its_requests_is_late_or_failed() -> None:
    good = [answer(0, KIND.seconds)] * 20 + [answer(1, KIND.seconds)] * 19
    bad = [answer(0, 3.0), answer(1, 3.0), answer(2, 0.1, ErrorKind.STATUS)]
    live = LiveRun((), [*good, *bad], 100.0, ())
    assert violating_seconds(LiveRun((), good, 100.0, ()), 3) == 0
    assert violating_seconds(live, 3) == 1
    assert violating_seconds(LiveRun((), [*good, *bad, answer(1, 3.0)], 100.0, ()), 3) == 2


def test_replicas_are_paid_for_from_a_sample_to_the_next() -> None:
    live = LiveRun([(0.0, 1, 1), (2.0, 3, 1), (5.0, 2, 2)], (), 0.0, ())
    assert replica_seconds(live, 10) == 1 * 2 + 3 * 3 + 2 * 5


def test_enough_is_when_the_slots_that_are_ready_bear_the_load_of_the_step() -> None:
    arrivals = Arrivals("spike", (KIND,), {"chat": (1.0, 1.0, 60.0, 60.0)}, step=2)
    assert enough_at([(0.0, 1), (6.5, 2), (9.0, 3)], arrivals) == 7.0
    assert enough_at([(0.0, 3)], arrivals) == 0.0
    assert enough_at([(0.0, 1)], arrivals) is None
