"""Arrivals of an open model: a Poisson process of each flow, the same for the same flow."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from optimus_ops.load.rates import poisson_times
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import FlowKey


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A request that is due, in seconds since the begin of the load; they are numbered within their flow."""

    at: float
    number: int
    key: FlowKey


def flow_arrivals(flow: Flow, seconds: float) -> Iterator[Arrival]:
    """Give the arrivals of a flow, in order."""
    numbers = random.Random(str(flow.key))  # noqa: S311 - the same load each time is the point
    for number, at in enumerate(poisson_times(flow.stages, seconds, numbers)):
        yield Arrival(at, number, flow.key)


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
