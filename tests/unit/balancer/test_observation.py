from __future__ import annotations

import functools
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.balancer.observation import NO_TRAFFIC, CanaryVerdict, ObservationPolicy, compare, failing_early
from optimus_ops.balancer.sample import TrafficSample

POLICY = ObservationPolicy()
WINDOWS = 400


def sample(requests: int, failed: int = 0, latencies: tuple[float, ...] = (), replicas: int = 1) -> TrafficSample:
    answers = {200: requests - failed, 500: failed}
    return TrafficSample(requests, answers, begun=requests, latencies=latencies, replicas=replicas)


def prompts(dice: random.Random, count: int, slow: float = 0.05, slower: float = 1.0) -> tuple[float, ...]:
    """Return latencies of short prompts about 100 ms, and of a share of long ones about 12 s."""
    return tuple(
        slower * (dice.lognormvariate(2.5, 0.2) if dice.random() < slow else dice.lognormvariate(-2.3, 0.5))
        for _ in range(count)
    )


@functools.cache
def population(slow: float) -> tuple[float, ...]:
    """Return latencies to choose from: to draw each anew takes ten times as long."""
    return prompts(random.Random(slow), 20_000, slow)


def window(dice: random.Random, requests: int, failing: float, slow: float) -> tuple[TrafficSample, TrafficSample]:
    """Deal requests out to one new replica and three old ones that differ in nothing."""
    made = []
    for count in (requests // 4, requests - requests // 4):
        weights = (failing, (1 - failing) * 0.1, (1 - failing) * 0.9)
        answers = Counter(dice.choices((500, 404, 200), weights, k=count))
        latencies = tuple(dice.choices(population(slow), k=count - answers[500]))
        made.append(TrafficSample(count, answers, begun=count, latencies=latencies))
    return made[0], replace(made[1], replicas=3)


@pytest.mark.parametrize("requests", [12, 60, 400, 1500])
@pytest.mark.parametrize(("failing", "slow"), [(0.0, 0.05), (0.01, 0.03), (0.05, 0.5), (0.3, 0.05)])
def test_replicas_that_differ_in_nothing_raise_next_to_no_alarm(requests: int, failing: float, slow: float) -> None:
    dice = random.Random(f"{requests} {failing} {slow}")
    windows = [window(dice, requests, failing, slow) for _ in range(WINDOWS)]
    alarms = [verdict.reasons for new, old in windows if not (verdict := compare(new, old, POLICY)).good]
    assert len(alarms) <= WINDOWS * 0.01, alarms
    assert not any(failing_early(new, old, POLICY) for new, old in windows)


def test_failures_everywhere_are_bad_at_once() -> None:
    assert failing_early(sample(12, 12), sample(36), POLICY)
    assert not compare(sample(6, 6), sample(18), POLICY).good


def test_failures_everywhere_are_bad_with_nothing_to_compare_with() -> None:
    assert not compare(sample(3, 3), TrafficSample(replicas=0), POLICY).good
    assert not compare(sample(50, 50), sample(1), POLICY).good
    assert failing_early(sample(10, 10), TrafficSample(), POLICY)


def test_a_handful_of_failures_is_no_reason() -> None:
    assert compare(sample(2, 2), sample(0), POLICY).good
    assert compare(sample(100, 2), sample(300), POLICY).good
    assert failing_early(sample(9, 9), sample(27), POLICY) is None


def test_a_trifle_is_no_reason_however_certain() -> None:
    assert compare(sample(100_000, 900), sample(300_000), POLICY).good


def test_new_replicas_that_fail_like_the_old_ones_are_as_good() -> None:
    assert compare(sample(100, 60), sample(300, 180), POLICY).good
    assert compare(sample(4, 4), sample(4, 4), POLICY).good


def test_a_small_share_of_failures_shows_where_there_is_traffic() -> None:
    verdict = compare(sample(1000, 50), sample(3000, 3), POLICY)
    assert verdict.reasons == ("5 % of requests fail (50 x 500), old: 3 of 3000",)
    assert failing_early(sample(1000, 50), sample(3000, 3), POLICY) is None


def test_no_connection_and_no_patience_left_are_failures() -> None:
    new = TrafficSample(40, {200: 20}, connect_failures=12, abandoned=8, begun=40)
    assert compare(new, sample(120), POLICY).reasons == (
        "50 % of requests fail (12 x no connection, 8 x client left before an answer), old: 0 of 120",
    )


def test_refusing_everybody_is_bad_and_being_a_little_stricter_is_not() -> None:
    everybody = TrafficSample(50, {401: 50}, begun=50)
    assert "50 x 401" in compare(everybody, sample(150), POLICY).reasons[0]
    assert compare(TrafficSample(50, {422: 8, 200: 42}, begun=50), sample(150), POLICY).good
    assert compare(everybody, TrafficSample(150, {401: 140, 200: 10}, begun=150), POLICY).good


def test_a_limit_that_all_share_is_nobody_s_fault() -> None:
    assert compare(TrafficSample(100, {429: 100}, begun=100), sample(300), POLICY).good


def test_new_replicas_that_end_nothing_are_bad() -> None:
    assert "no request ended" in compare(TrafficSample(), sample(300, replicas=3), POLICY).reasons[0]
    assert compare(TrafficSample(), sample(60, replicas=3), POLICY).good


def test_slower_replicas_are_bad() -> None:
    dice = random.Random(1)
    new, old = prompts(dice, 100, slower=4.0), prompts(dice, 300)
    verdict = compare(sample(100, latencies=new), sample(300, latencies=old), POLICY)
    assert "p50" in verdict.reasons[0]


def test_a_slower_tail_is_bad_where_the_median_is_not() -> None:
    dice = random.Random(2)
    old = prompts(dice, 900, slow=0.0)
    new = tuple(value + (3.0 if dice.random() < 0.15 else 0.0) for value in prompts(dice, 300, slow=0.0))
    [reason] = compare(sample(300, latencies=new), sample(900, latencies=old), POLICY).reasons
    assert "p95" in reason


def test_long_prompts_that_take_longer_are_bad_though_no_more_of_them_are_long() -> None:
    dice = random.Random(3)
    old = prompts(dice, 900, slow=0.08)
    new = tuple(value * (3.0 if value > 1 else 1.0) for value in prompts(dice, 300, slow=0.08))
    [reason] = compare(sample(300, latencies=new), sample(900, latencies=old), POLICY).reasons
    assert "p95" in reason


def test_slower_by_a_trifle_is_no_reason() -> None:
    new, old = (0.012,) * 500, (0.003,) * 1500
    assert compare(sample(500, latencies=new), sample(1500, latencies=old), POLICY).good


def test_few_latencies_say_nothing() -> None:
    assert compare(sample(20, latencies=(9.0,) * 20), sample(60, latencies=(0.1,) * 60), POLICY).good


def test_no_traffic_is_good_and_says_so() -> None:
    assert compare(TrafficSample(), TrafficSample(), POLICY) == CanaryVerdict(True, (), NO_TRAFFIC)


def test_what_was_seen_is_one_line() -> None:
    seen = compare(sample(200, 1, latencies=(0.1,) * 199), sample(1, latencies=(12.0,)), POLICY).text
    assert (
        seen == "new: 200 requests, 1 failed, p50 100 ms, p95 100 ms; old: 1 request, 0 failed, p50 12.0 s, p95 12.0 s"
    )


counts = st.integers(0, 300)


@st.composite
def samples(draw: st.DrawFn) -> TrafficSample:
    answers = draw(st.dictionaries(st.integers(100, 599), counts, max_size=4))
    refused, abandoned = draw(counts), draw(counts)
    requests = sum(answers.values()) + refused + abandoned
    latencies = tuple(draw(st.lists(st.floats(0, 300), max_size=min(requests, 60))))
    return TrafficSample(requests, answers, refused, abandoned, requests, latencies, draw(st.integers(1, 9)))


@given(samples(), samples())
def test_a_verdict_is_good_exactly_without_reasons(new: TrafficSample, old: TrafficSample) -> None:
    verdict = compare(new, old, POLICY)
    assert verdict.good == (not verdict.reasons)
    assert verdict.text


@given(samples())
def test_what_is_equal_is_good(both: TrafficSample) -> None:
    enough = replace(both, requests=max(both.requests, 10))
    assert compare(enough, enough, POLICY).good
    assert failing_early(enough, enough, POLICY) is None


@given(samples(), samples())
def test_what_is_bad_early_is_bad_at_the_end(new: TrafficSample, old: TrafficSample) -> None:
    if failing_early(new, old, POLICY) is not None:
        assert not compare(new, old, POLICY).good


@given(samples(), samples(), st.integers(1, 50))
def test_more_failures_make_no_verdict_better(new: TrafficSample, old: TrafficSample, more: int) -> None:
    worse = replace(new, requests=new.requests + more, connect_failures=new.connect_failures + more)
    failing = [reason for reason in compare(new, old, POLICY).reasons if " fail " in reason]
    assert len([reason for reason in compare(worse, old, POLICY).reasons if " fail " in reason]) >= len(failing)
