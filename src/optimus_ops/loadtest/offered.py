"""The load that a profile offers: scaled as flags ask, counted, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage, expected_arrivals, rate_at
from optimus_ops.loadtest.model import Flow, Profile

MOST_SECONDS = 86_400.0
MOST_REQUESTS = 5_000_000


def stretched(profile: Profile, seconds: float) -> Profile:
    """Return the profile with all its times in proportion to another duration."""
    factor = seconds / profile.seconds
    flows = tuple(
        replace(flow, stages=tuple(Stage(stage.at * factor, stage.rate) for stage in flow.stages))
        for flow in profile.flows
    )
    fairness = profile.fairness and replace(profile.fairness, begins=profile.fairness.begins * factor)
    return replace(profile, seconds=seconds, flows=flows, fairness=fairness)


def scaled(profile: Profile, peak: float) -> Profile:
    """Return the profile with all its rates in proportion to another highest sum of them.

    Raises:
        Refused: it has no rates.
    """
    highest = peak_of(profile)
    if not highest:
        raise Refused(f"--rate: the profile {profile.name} has users, and no rates")
    flows = tuple(
        replace(flow, stages=tuple(Stage(stage.at, stage.rate * peak / highest) for stage in flow.stages))
        for flow in profile.flows
    )
    return replace(profile, flows=flows)


def peak_of(profile: Profile) -> float:
    """Return the highest sum of the rates at one time."""
    times = {stage.at for flow in profile.flows for stage in flow.stages if stage.at < profile.seconds}
    return max((total_rate(profile.flows, at) for at in times), default=0.0)


def total_rate(flows: Sequence[Flow], at: float) -> float:
    """Return the sum of the rates at a time."""
    return sum(rate_at(flow.stages, at) for flow in flows)


def most_requests(profile: Profile) -> float:
    """Return the number of requests that are expected of arrivals, and that users can make at most."""
    return sum(flow_requests(flow, profile.seconds) for flow in profile.flows)


def flow_requests(flow: Flow, seconds: float) -> float:
    """Return the number of requests that are expected of a flow, or the most that its users can make."""
    return expected_arrivals(flow.stages, seconds) if flow.stages else flow.users * seconds / flow.pause


def check_bounds(profile: Profile) -> None:
    """Refuse a load that is longer or larger than one by mistake would be.

    Raises:
        Refused: it is.
    """
    if profile.seconds > MOST_SECONDS:
        raise Refused(f"a load of {profile.seconds:,.0f} s: at most {MOST_SECONDS:,.0f} s (a day)")
    if (count := most_requests(profile)) > MOST_REQUESTS:
        raise Refused(
            f"a load of {count:,.0f} requests: at most {MOST_REQUESTS:,}",
            "a lower rate, fewer users, or a shorter duration",
        )
