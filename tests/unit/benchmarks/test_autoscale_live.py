"""Figures of a stack that was seen to follow its load."""

from __future__ import annotations

from benchmarks.autoscale_run import KIND, SETTINGS, Followed, Sample

from optimus_ops.autoscale.simulate.model import Arrivals, Scenario
from optimus_ops.autoscale.simulate.report import enough_after
from optimus_ops.load.result import ErrorKind, RequestResult

TIMES = (0.2, 3.0)


def answer(number: int, second: float, seconds: float, error: ErrorKind | None = None) -> RequestResult:
    return RequestResult(str(number), "chat", 100 + second, 100 + second, 100 + second + seconds, error=error)


def followed(results: list[RequestResult], *samples: tuple[float, int, int]) -> Followed:
    seen = [Sample(100 + at, running, ready, 0.5) for at, running, ready in samples or [(0.0, 1, 1)]]
    return Followed(seen, results, TIMES, 100.0, ())


def scenario(*rates: float, step: int | None = None) -> Scenario:
    return Scenario(Arrivals("spike", (KIND,), {"chat": rates}, step), SETTINGS, 8.0)


def test_a_second_violates_if_more_than_a_twentieth_of_its_requests_is_late_or_failed() -> None:
    good = [answer(0, 0, 0.6)] * 20 + [answer(1, 1, 3.4)] * 19
    bad = [answer(0, 0, 0.8), answer(0, 1, 0.8), answer(0, 2, 0.1, ErrorKind.STATUS)]
    assert followed(good).result("ours", scenario(1, 1, 1)).violating_seconds == 0
    result = followed([*good, *bad]).result("ours", scenario(1, 1, 1))
    # One of 21 in the first second, one of 20 in the next one, the only one in the last.
    assert (result.violating_seconds, result.late, result.failed) == (1, 3, 1)
    assert followed([*good, *bad, answer(0, 1, 0.8)]).result("ours", scenario(1, 1, 1)).violating_seconds == 2


def test_replicas_are_those_of_the_last_sample_in_each_second() -> None:
    result = followed([], (0.0, 1, 1), (1.5, 3, 1), (3.9, 2, 2)).result("ours", scenario(1, 1, 1, 1, 1))
    assert [found.paid for found in result.seconds] == [1, 3, 3, 2, 2]
    assert result.replica_seconds == 11
    assert result.most == 3


def test_enough_is_when_the_slots_that_are_ready_bear_the_load_of_the_step() -> None:
    spike = scenario(1, 1, 40, 40, 40, step=2)
    late = followed([], (0.0, 1, 1), (3.5, 3, 3)).result("ours", spike)
    assert enough_after(spike, late) == 1.0
    assert enough_after(spike, followed([]).result("ours", spike)) is None


def test_the_start_up_time_is_the_median_of_changes_that_start_replicas() -> None:
    made: list[tuple[int, float, str]] = [(2, 4.0, "done"), (1, 9.0, "done"), (3, 6.0, "done"), (5, 30.0, "failed")]
    changes = [{"counts": {"ai-engine": n}, "seconds": seconds, "outcome": outcome} for n, seconds, outcome in made]
    assert Followed((), (), (), 0.0, changes).growths == [4.0, 6.0]
    assert Followed((), (), (), 0.0, changes).start_up == 5.0
    assert Followed((), (), (), 0.0, ()).start_up == SETTINGS.start_up_lead
