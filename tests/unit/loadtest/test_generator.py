from __future__ import annotations

import pytest
from tests.unit.loadtest.loopback import offer, profile_of, serving

from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.arrivals import flow_arrivals
from optimus_ops.loadtest.judgement import judge
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.text.console import Progress


def flow(name: str, rate: float) -> Flow:
    return Flow(FlowKey(name), (Stage(0, rate),))


def test_a_stall_shows_in_the_latency_of_all_that_were_due_meanwhile() -> None:
    with serving(stall_after=20, stall_seconds=1.0) as server:
        result = offer(server, profile_of(flow("ok", 40), seconds=3, connections=2))
    total = result.total()
    assert total.failures == 0
    p90 = total.latency.percentile(90)
    assert p90 is not None
    assert p90 > 0.25
    # Two connections: but for the two that were under way the stall is a wait before they were sent.
    late = total.delay.share_within(0.25)
    assert late is not None
    assert late < 0.9


@pytest.mark.parametrize("engine", ["locust", "k6"])
def test_answers_that_one_tenant_waits_for_delay_no_other_s_requests(engine: str) -> None:
    stalled = Flow(FlowKey("held", "acme"), (Stage(0, 30),))
    quiet = Flow(FlowKey("ok", "globex"), (Stage(0, 10),))
    due = sum(1 for _ in flow_arrivals(quiet, 2))
    # Acme's first requests hold all of its connections until globex's last one has its answer.
    with serving(release_after=due) as server:
        result = offer(server, profile_of(stalled, quiet, connections=2, timeout=30), engine=engine)
    assert result.total().failures == result.missing == 0
    assert result.total(tenant="globex").ok == due
    quiet_delay, stalled_delay = (result.total(tenant=name).delay.percentile(50) for name in ("globex", "acme"))
    assert quiet_delay is not None
    assert stalled_delay is not None
    assert quiet_delay < stalled_delay


def test_only_whole_and_right_answers_count() -> None:
    failures = {
        "failing": "status 500",
        "wrong": "wrong content",
        "truncated": "truncated",
        "cut": "stream not complete",
        "hanging": "timeout",
        "reset": "connection reset",
    }
    with serving() as server:
        flows = [flow(name, 4) for name in ("ok", "stream", *failures)]
        result = offer(server, profile_of(*flows, seconds=2, timeout=2, connections=30))
    for name, kind in failures.items():
        total = result.total(name)
        assert total.ok == 0, name
        assert total.failures == total.offered > 0, name
        assert set(total.failed) == {kind}
        assert total.latency.count == 0
    assert result.total("ok").failures == result.total("stream").failures == 0
    stream = result.total("stream")
    assert stream.first_token.count == stream.ok == stream.offered
    assert result.total("ok").first_token.count == 0


def test_k6_names_failures_as_locust_does() -> None:
    failures = {"failing": "status 500", "truncated": "truncated", "reset": "connection reset"}
    with serving() as server:
        result = offer(server, profile_of(*(flow(name, 4) for name in ("ok", *failures)), seconds=1), engine="k6")
    for name, kind in failures.items():
        total = result.total(name)
        assert (total.ok, total.failures, set(total.failed)) == (0, total.offered, {kind})
    assert result.total("ok").failures == 0


def test_a_worker_that_is_lost_makes_the_run_invalid() -> None:
    with serving() as server:
        result = offer(server, profile_of(flow("dying", 20), seconds=2), workers=2)
    assert [worker.finished for worker in result.workers] == [True, False]
    invalid = judge(result).invalid
    assert any(check.name == "workers" and "1 of 2 lost" in check.found for check in invalid)


class InterruptedProgress(Progress):
    """Ctrl-C after the first answers."""

    @property
    def note(self) -> str:
        return ""

    @note.setter
    def note(self, text: str) -> None:
        if "p99" in text:
            raise KeyboardInterrupt


def test_an_interruption_ends_the_load_and_keeps_what_was_measured() -> None:
    with serving() as server:
        users = Flow(FlowKey("ok"), users=4, pause=0.1)
        profile = profile_of(users, flow("ok", 20), seconds=600)
        result = offer(server, profile, progress=InterruptedProgress("load"))
    assert result.interrupted
    assert result.seconds < 600
    assert result.total().ok > 0
    assert all(worker.finished for worker in result.workers)
