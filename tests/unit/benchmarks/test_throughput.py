from __future__ import annotations

from benchmarks.same_answer import HalfLoad, Saturation
from benchmarks.section import objectives_of
from benchmarks.throughput import Effort, half_loaded, one_at_a_time, saturated

from optimus_ops.load.result import RequestResult


def test_saturation_is_the_median_of_the_runs_with_the_cores_that_were_used() -> None:
    runs = [Saturation(answers, 10.0, 5.0) for answers in (7000, 8000, 9000)]
    [objective] = objectives_of(saturated(runs, {"ai-engine": 1.0}, Effort(3, 2, 10, 100)))
    assert (objective.measured, objective.verdict) == (800, "met")
    assert objective.basis == "median of 3 runs of 10 s; cores used: ai-engine 1.00, generator 0.50"


def test_latency_at_half_load_begins_when_the_request_was_due() -> None:
    results = [RequestResult("", "", intended=0.0, started=0.2, ended=0.3)] * 100
    [objective] = objectives_of(half_loaded(HalfLoad(400, results, 20.0, 10.0)))
    assert (round(objective.measured or 0), objective.verdict) == (300, "missed")
    assert objective.basis == "100 requests; p50 300.0 ms; generator 0.50 cores"


def test_what_the_balancer_adds_is_the_median_difference_to_a_direct_call() -> None:
    published, balancer, direct = [0.005, 0.006], [0.003, 0.004], [0.0025, 0.0035]
    added, by_port = objectives_of(one_at_a_time([published, balancer, direct]))
    assert (round(added.measured or 0, 6), added.verdict) == (0.5, "met")
    assert (round(by_port.measured or 0, 6), by_port.verdict) == (2.5, "missed")
