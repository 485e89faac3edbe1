"""Arrivals of an open model: a Poisson process whose rate is piecewise linear, the same for the same flow.

Independent users make a Poisson process; one with a rate that changes is made by inversion of the cumulative rate
(https://en.wikipedia.org/wiki/Inhomogeneous_Poisson_point_process).
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from optimus_ops.loadtest.model import Flow, Stage
from optimus_ops.loadtest.records import FlowKey


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A request that is due, in seconds since the begin of the load; they are numbered within their flow."""

    at: float
    number: int
    key: FlowKey


def expected_arrivals(stages: Sequence[Stage], seconds: float) -> float:
    """Return the mean of the number of arrivals within a time: the integral of the rate."""
    return sum(_area(first, last) for first, last in _segments(stages, seconds))


def peak_rate(stages: Sequence[Stage]) -> float:
    """Return the highest rate."""
    return max((stage.rate for stage in stages), default=0.0)


def rate_at(stages: Sequence[Stage], at: float) -> float:
    """Return the rate at a time."""
    for first, last in _segments(stages, math.inf):
        if first.at <= at < last.at:
            if math.isinf(last.at):
                return first.rate
            return first.rate + (last.rate - first.rate) * (at - first.at) / (last.at - first.at)
    return 0.0


def flow_arrivals(flow: Flow, seconds: float) -> Iterator[Arrival]:
    """Give the arrivals of a flow, in order."""
    numbers = random.Random(str(flow.key))  # noqa: S311 - the same load each time is the point
    due, passed, number = numbers.expovariate(1.0), 0.0, 0
    for first, last in _segments(flow.stages, seconds):
        area = _area(first, last)
        while due < passed + area:
            yield Arrival(_when(first, last, due - passed), number, flow.key)
            number += 1
            due += numbers.expovariate(1.0)
        passed += area


def arrivals(flows: Iterable[Flow], seconds: float, worker: int = 0, workers: int = 1) -> Iterator[Arrival]:
    """Give one worker's share of the arrivals of all flows, in order: every so many-th of them."""
    merged = heapq.merge(*(flow_arrivals(flow, seconds) for flow in flows if flow.stages))
    return islice(merged, worker, None, workers)


def arrivals_by_tenant(
    flows: Sequence[Flow], seconds: float, worker: int = 0, workers: int = 1
) -> Mapping[str, Iterator[Arrival]]:
    """Return one worker's share of the arrivals of each tenant that has any, to be sent on connections of its own.

    Tenants are clients that know nothing of each other: requests of one never wait for another's answers.
    """
    open_flows = [flow for flow in flows if flow.stages]
    return {
        tenant: arrivals([flow for flow in open_flows if flow.key.tenant == tenant], seconds, worker, workers)
        for tenant in dict.fromkeys(flow.key.tenant for flow in open_flows)
    }


def _segments(stages: Sequence[Stage], seconds: float) -> Iterator[tuple[Stage, Stage]]:
    """Give neighbours of stages up to a time; the last rate stays."""
    if not stages:
        return
    for first, last in pairwise((*stages, Stage(math.inf, stages[-1].rate))):
        if first.at >= seconds or last.at <= first.at:
            continue
        if last.at > seconds:
            slope = 0.0 if math.isinf(last.at) else (last.rate - first.rate) / (last.at - first.at)
            yield first, Stage(seconds, first.rate + slope * (seconds - first.at))
        else:
            yield first, last


def _area(first: Stage, last: Stage) -> float:
    return (first.rate + last.rate) / 2 * (last.at - first.at)


def _when(first: Stage, last: Stage, area: float) -> float:
    """Return the time at which the integral of the rate, from the first stage on, is `area`."""
    slope = (last.rate - first.rate) / (last.at - first.at)
    if abs(slope) < 1e-9:
        return first.at + area / first.rate
    # The root of slope/2 t² + rate t = area that is in the segment.
    root = math.sqrt(max(first.rate**2 + 2 * slope * area, 0.0))
    return min(first.at + (root - first.rate) / slope, last.at)
