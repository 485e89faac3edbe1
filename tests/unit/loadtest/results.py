"""Results of load tests, made by hand."""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.model import Flow, LoadResult, PlatformSample, Profile, WorkerFacts
from optimus_ops.loadtest.records import FlowKey, Interval

KEY = FlowKey("chat", "acme")
QUIET = FlowKey("chat", "globex")
PROFILE = Profile("steady", (Flow(KEY, (Stage(0, 10),)),), "constant arrivals", 10.0)


def second(number: int, latencies: Iterable[float], key: FlowKey = KEY, failed: int = 0) -> Interval:
    """Return what was due in one second."""
    found = Interval(number, key)
    for latency in latencies:
        found.ok += 1
        found.latency.record(latency)
        found.delay.record(0.001)
    if failed:
        found.failed["status 500"] = failed
    found.offered = found.ok + failed
    return found


def result_of(
    intervals: Iterable[Interval],
    *,
    profile: Profile = PROFILE,
    workers: tuple[WorkerFacts, ...] = (WorkerFacts(0, (0.2,) * 10),),
    samples: tuple[PlatformSample, ...] = (),
    missing: int = 0,
) -> LoadResult:
    return LoadResult(profile, "locust", tuple(intervals), workers, samples, missing, profile.seconds)
