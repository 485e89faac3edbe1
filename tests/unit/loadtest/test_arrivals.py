from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.load.rates import Stage, expected_arrivals, peak_rate, rate_at
from optimus_ops.loadtest.arrivals import arrivals, arrivals_by_tenant, flow_arrivals
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import FlowKey

KEY = FlowKey("chat", "acme")
SPIKE = (Stage(0, 20), Stage(30, 20), Stage(60, 200), Stage(90, 200), Stage(120, 20))


@st.composite
def stage_lists(draw: st.DrawFn) -> tuple[Stage, ...]:
    times = draw(st.lists(st.floats(0, 60), min_size=1, max_size=5, unique=True))
    return tuple(Stage(at, draw(st.floats(0, 50))) for at in sorted(times))


@given(stage_lists(), st.floats(1, 60))
def test_arrivals_are_in_order_and_within_the_duration(stages: tuple[Stage, ...], seconds: float) -> None:
    found = [arrival.at for arrival in flow_arrivals(Flow(KEY, stages), seconds)]
    assert found == sorted(found)
    assert all(0 <= at <= seconds for at in found)


@given(stage_lists(), st.integers(1, 4))
def test_workers_share_all_arrivals_between_them(stages: tuple[Stage, ...], workers: int) -> None:
    flows = [Flow(KEY, stages), Flow(FlowKey("stream", "globex"), (Stage(0, 3),))]
    parts = [list(arrivals(flows, 30, worker, workers)) for worker in range(workers)]
    assert sorted(arrival for part in parts for arrival in part) == list(arrivals(flows, 30))


@given(stage_lists(), st.integers(1, 4))
def test_tenants_have_the_arrivals_of_the_whole_in_its_order(stages: tuple[Stage, ...], workers: int) -> None:
    flows = [
        Flow(KEY, stages),
        Flow(FlowKey("stream", "globex"), (Stage(0, 3),)),
        Flow(FlowKey("stream", "acme"), stages),
    ]
    parts = [arrivals_by_tenant(flows, 30, worker, workers) for worker in range(workers)]
    for tenant in ("acme", "globex"):
        told = sorted(arrival for part in parts for arrival in part[tenant])
        assert told == [arrival for arrival in arrivals(flows, 30) if arrival.key.tenant == tenant]


def test_there_are_as_many_arrivals_as_the_rate_says() -> None:
    expected = expected_arrivals(SPIKE, 150)
    assert expected == 20 * 30 + 110 * 30 + 200 * 30 + 110 * 30 + 20 * 30
    found = sum(1 for _ in flow_arrivals(Flow(KEY, SPIKE), 150))
    assert abs(found - expected) < 5 * expected**0.5


def test_a_step_brings_ten_times_the_arrivals() -> None:
    found = [arrival.at for arrival in flow_arrivals(Flow(KEY, SPIKE), 150)]
    before, peak = sum(at < 30 for at in found), sum(60 <= at < 90 for at in found)
    assert 8 < peak / before < 12


def test_the_same_flow_has_the_same_arrivals_each_time() -> None:
    assert list(flow_arrivals(Flow(KEY, SPIKE), 20)) == list(flow_arrivals(Flow(KEY, SPIKE), 20))


def test_the_rate_between_stages_is_linear_and_the_last_one_stays() -> None:
    assert [rate_at(SPIKE, at) for at in (0, 45, 60, 1000)] == [20, 110, 200, 20]
    assert peak_rate(SPIKE) == 200


def test_a_jump_is_two_stages_at_one_time() -> None:
    stages = (Stage(0, 0), Stage(10, 0), Stage(10, 100))
    found = [arrival.at for arrival in flow_arrivals(Flow(KEY, stages), 20)]
    assert min(found) >= 10
    assert expected_arrivals(stages, 20) == 1000
