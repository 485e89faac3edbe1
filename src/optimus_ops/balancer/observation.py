"""Comparison of new replicas with old ones by their traffic; pure.

Both get the same traffic: the balancer deals requests out by the number of open connections, whatever is in them. So if
new and old differ in nothing, every way to deal the outcomes out is equally likely, and the tests below know how likely
chance alone makes the new ones look as bad as they do. No shape of the latencies is assumed: a mix of prompts of 100 ms
and 12 s is the same mix on both sides.

What a test finds must also matter (a minimum of failures, of a difference, of a ratio): with much traffic, any trifle
is significant.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.balancer.sample import TrafficSample
from optimus_ops.balancer.significance import fisher, mann_whitney
from optimus_ops.reports.measurement import percentile

NO_TRAFFIC = "no traffic seen: judged by health alone"


@dataclass(frozen=True, slots=True)
class Threshold:
    """When more failures are too many: at least so many, by at least such a difference of shares, and significant.

    `level` is how likely chance alone may make such a difference, at most.
    """

    failures: int
    difference: float
    level: float


@dataclass(frozen=True, slots=True)
class ObservationPolicy:
    """When new replicas are worse than old ones.

    Five things are tested, each with a false alarm in at most `level` of all windows, and far fewer since what is found
    must also matter. Simulated with replicas that differ in nothing (1 or 2 new beside 1 to 3 old, 1 to 100 requests a
    second, 3 to 10 % of them of 12 s, windows of 10 to 30 s, looked at twice a second): none in 16,000 windows where up
    to 2 % of all requests fail, 9 in 9,500 where 5 to 30 % do. A test repeats that in small.

    What takes longer than the window is not seen: the balancer logs a request when it ends.

    Args:
        at_end: for failures, at the end of the window.
        early: for failures, while it lasts. That is asked many times in a window, so that it asks for more.
        refused: for answers 4xx, at the end. A new version may be stricter, so that it takes a large difference.
        comparable: so many requests to the old replicas are something to compare with.
        outright: share of failed requests that is bad where there is nothing to compare with, and nothing failed.
        level: as in `Threshold`, for latencies.
        latencies: from so many on each side on, latencies are compared.
        slower: the median or the 95th percentile of the new ones is at least so many times that of the old ones,
        slower_seconds: and so much longer; the first requests of a process are slow for a while.
        expected_requests: new replicas that end no request are bad if, by the old ones, they should have ended so
            many.
    """

    at_end: Threshold = Threshold(failures=3, difference=0.01, level=0.002)
    early: Threshold = Threshold(failures=10, difference=0.2, level=1e-6)
    refused: Threshold = Threshold(failures=5, difference=0.2, level=0.001)
    comparable: int = 10
    outright: float = 0.5
    level: float = 0.001
    latencies: int = 30
    slower: float = 2.0
    slower_seconds: float = 0.2
    expected_requests: float = 30.0


@dataclass(frozen=True, slots=True)
class CanaryVerdict:
    """CanaryVerdict on new replicas.

    Args:
        text: what was seen, in one line.
        blind: why the balancer's log says nothing, or not all, of the traffic; "" where it can be read.
    """

    good: bool
    reasons: tuple[str, ...]
    text: str
    blind: str = ""


def compare(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> CanaryVerdict:
    """Compare new replicas with old ones at the end of a window."""
    found = (
        _failing(new, old, policy, policy.at_end),
        _refusing(new, old, policy),
        _silent(new, old, policy),
        _slower(new, old, policy),
        _slower_tail(new, old, policy),
    )
    reasons = tuple(reason for reason in found if reason)
    return CanaryVerdict(not reasons, reasons, describe(new, old))


def failing_early(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> str | None:
    """Return why the window can end: the new replicas already fail beyond doubt; else None."""
    return _failing(new, old, policy, policy.early)


def describe(new: TrafficSample, old: TrafficSample) -> str:
    """Return the traffic in one line."""
    seen = f"new: {_seen(new)}; old: {_seen(old)}"
    return seen if new.requests else f"{NO_TRAFFIC} (old: {_seen(old)})" if old.requests else NO_TRAFFIC


def _failing(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy, threshold: Threshold) -> str | None:
    rate, before = _share(new.failures, new), _share(old.failures, old)
    if new.failures < threshold.failures or rate - before < threshold.difference:
        return None
    alone = old.requests < policy.comparable and not old.failures and rate >= policy.outright
    bad = alone or fisher(new.failures, new.requests, old.failures, old.requests) <= threshold.level
    return (
        f"{_percent(new.failures, new)} of requests fail ({_kinds(new)}), old: {_of(old.failures, old)}"
        if bad
        else None
    )


def _refusing(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> str | None:
    more = _share(new.refusals, new) - _share(old.refusals, old)
    if new.refusals < policy.refused.failures or more < policy.refused.difference or old.requests < policy.comparable:
        return None
    if fisher(new.refusals, new.requests, old.refusals, old.requests) > policy.refused.level:
        return None
    kinds = _statuses(new, 400, 499)
    return f"{_percent(new.refusals, new)} of requests are refused ({kinds}), old: {_of(old.refusals, old)}"


def _silent(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> str | None:
    expected = old.begun * new.replicas / old.replicas if old.replicas else 0.0
    if new.begun or expected < policy.expected_requests:
        return None
    return f"no request ended that was given to them, while the old ones ended {old.begun}"


def _slower(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> str | None:
    if not (reason := _longer(new, old, policy, 50)):
        return None
    return reason if mann_whitney(new.latencies, old.latencies) <= policy.level else None


def _slower_tail(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy) -> str | None:
    """Compare how many of the slowest requests each has, and how slow they are: of so few, ranks say little."""
    if not (reason := _longer(new, old, policy, 95)):
        return None
    latencies = [*new.latencies, *old.latencies]
    new_slow, old_slow = (_above(sample, percentile(latencies, 95)) for sample in (new, old))
    more = fisher(len(new_slow), len(new.latencies), len(old_slow), len(old.latencies))
    longer = mann_whitney(*(_above(sample, percentile(latencies, 90)) for sample in (new, old)))
    # Two chances to find something make half of each.
    return reason if min(more, longer) <= policy.level / 2 else None


def _above(sample: TrafficSample, limit: float) -> list[float]:
    return [latency for latency in sample.latencies if latency > limit]


def _longer(new: TrafficSample, old: TrafficSample, policy: ObservationPolicy, percent: float) -> str | None:
    if min(len(new.latencies), len(old.latencies)) < policy.latencies:
        return None
    after, before = (percentile(sample.latencies, percent) for sample in (new, old))
    if after < before * policy.slower or after - before < policy.slower_seconds:
        return None
    return f"p{percent:.0f} of the time to an answer is {_seconds(after)}, old: {_seconds(before)}"


def _seen(sample: TrafficSample) -> str:
    parts = [f"{sample.requests} request{'' if sample.requests == 1 else 's'}", f"{sample.failures} failed"]
    if sample.latencies:
        parts += [f"p{percent} {_seconds(percentile(sample.latencies, percent))}" for percent in (50, 95)]
    return ", ".join(parts) if sample.requests else "no request"


def _kinds(sample: TrafficSample) -> str:
    kinds = {"no connection": sample.connect_failures, "client left before an answer": sample.abandoned}
    others = [f"{count} x {what}" for what, count in kinds.items() if count]
    return ", ".join([*filter(None, [_statuses(sample, 500, 599)]), *others])


def _statuses(sample: TrafficSample, first: int, last: int) -> str:
    found = {status: count for status, count in sample.answers.items() if first <= status <= last and status != 429}
    return ", ".join(f"{found[status]} x {status}" for status in sorted(found))


def _share(count: int, sample: TrafficSample) -> float:
    return count / sample.requests if sample.requests else 0.0


def _percent(count: int, sample: TrafficSample) -> str:
    return f"{_share(count, sample) * 100:.3g} %"


def _of(count: int, sample: TrafficSample) -> str:
    return f"{count} of {sample.requests}" if sample.requests else "no request"


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
