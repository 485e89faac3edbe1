from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.balancer.access_log import Attempt, Request
from optimus_ops.balancer.sample import TrafficCounter, TrafficSample, merged

REPLICAS = {"10.0.0.1": "ai-1", "10.1.0.1": "ai-1", "10.0.0.2": "ai-2"}


def request(address: str, status: int | None = 200, seconds: float | None = 0.1, *, connected: bool = True) -> Request:
    return Request(seconds or 0.0, (Attempt(address, status, connected, seconds),))


def test_each_outcome_is_counted_for_the_replica_that_had_it() -> None:
    tally = TrafficCounter(REPLICAS)
    for made in (
        request("10.0.0.1"),
        request("10.1.0.1", 500),
        request("10.0.0.1", 429),
        request("10.0.0.1", 404),
        request("10.0.0.1", None, None),
        request("10.0.0.1", 502, None, connected=False),
        request("10.0.0.2"),
        request("10.9.9.9", 500),
    ):
        tally.add(made, elapsed=5.0)
    samples = tally.samples()
    first = samples["ai-1"]
    assert (first.requests, first.failures, first.refusals) == (6, 3, 1)
    assert (first.connect_failures, first.abandoned) == (1, 1)
    assert first.answers == {200: 1, 500: 1, 429: 1, 404: 1}
    assert samples["ai-2"].requests == 1
    assert set(samples) == {"ai-1", "ai-2"}


def test_a_retried_request_counts_for_both_replicas() -> None:
    tally = TrafficCounter(REPLICAS)
    tried = (Attempt("10.0.0.1", 502, False, None), Attempt("10.0.0.2", 200, True, 0.1))
    tally.add(Request(0.4, tried), elapsed=1.0)
    assert [sample.failures for sample in tally.samples().values()] == [1, 0]


def test_latencies_are_of_requests_that_began_in_the_window() -> None:
    tally = TrafficCounter(REPLICAS)
    tally.add(request("10.0.0.1", seconds=12.0), elapsed=3.0)
    tally.add(request("10.0.0.1", seconds=2.0), elapsed=3.0)
    sample = tally.samples()["ai-1"]
    assert (sample.requests, sample.begun, sample.latencies) == (2, 1, (2.0,))


def test_how_fast_a_failure_comes_is_no_latency() -> None:
    tally = TrafficCounter(REPLICAS)
    tally.add(request("10.0.0.1", 500, 0.001), elapsed=3.0)
    assert tally.samples()["ai-1"].latencies == ()


def test_memory_is_bounded_and_what_is_kept_is_a_fair_choice() -> None:
    tally = TrafficCounter(REPLICAS, kept=1000)
    for number in range(40_000):
        tally.add(request("10.0.0.2" if number % 4 == 0 else "10.0.0.1", seconds=float(number)), elapsed=1e9)
    samples = tally.samples()
    kept = [len(samples[name].latencies) for name in ("ai-1", "ai-2")]
    assert sum(kept) == 1000
    # A quarter of the requests, a quarter of the latencies: 250, with a standard deviation of 14.
    assert 180 < kept[1] < 320
    assert 17_000 < sum(latency for sample in samples.values() for latency in sample.latencies) / 1000 < 23_000
    assert samples["ai-1"].requests == 30_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*REPLICAS, "10.9.9.9"]),
            st.none() | st.integers(100, 599),
            st.none() | st.floats(0, 60),
            st.booleans(),
            st.floats(0, 60),
        )
    )
)
def test_every_attempt_on_a_replica_has_exactly_one_outcome(
    made: list[tuple[str, int | None, float | None, bool, float]],
) -> None:
    tally = TrafficCounter(REPLICAS, kept=10)
    for address, status, seconds, connected, elapsed in made:
        tally.add(request(address, status, seconds, connected=connected), elapsed)
    samples = tally.samples()
    for sample in samples.values():
        assert sample.requests == sum(sample.answers.values()) + sample.connect_failures + sample.abandoned
        assert len(sample.latencies) <= sample.begun <= sample.requests
    assert sum(sample.requests for sample in samples.values()) == sum(address in REPLICAS for address, *_ in made)
    together = merged(samples.values())
    assert together.failures == sum(sample.failures for sample in samples.values())
    assert together.replicas == len(samples)
    assert sorted(together.latencies) == sorted(latency for s in samples.values() for latency in s.latencies)


def test_nothing_merged_is_an_empty_sample_of_no_replica() -> None:
    assert merged([]) == TrafficSample(replicas=0)
