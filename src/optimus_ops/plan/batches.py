"""Batches of a deploy: each starts new replicas, proves them, and lets old ones leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.replacement import Replacement
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Observe, Start, Stop, VerifyRouting, WaitHealthy
from optimus_ops.plan.stop import refs

STARTED = Cause("they were started")


def roll(stack: Stack, request: RolloutSpec, item: Replacement) -> tuple[Step, ...]:
    """Return the batches that replace one service."""
    batches = list(_batches(stack, request, item))
    return tuple(
        replace(step, batch=f"{item.service}, batch {number} of {len(batches)}")
        for number, batch in enumerate(batches, start=1)
        for step in batch
    )


def _batches(stack: Stack, request: RolloutSpec, item: Replacement) -> Iterator[list[Step]]:
    old, new, started = list(item.old), item.new, 0
    while old or new < item.wanted:
        batch: list[Step] = []
        more = max(min(request.surge - max(new + len(old) - item.wanted, 0), item.wanted - new), 0)
        if more:
            new, started = new + more, started + more
            batch.extend(_new_steps(stack, item, old, new + len(old), started, request.observe if old else 0.0))
        leaving = old[: max(min(request.parallelism, new + len(old) - item.wanted), 0)]
        if leaving:
            del old[: len(leaving)]
            seconds = stack.services[item.service].stop_seconds
            batch.append(Stop(containers=refs(leaving), seconds=seconds, cause=item.cause))
        yield batch


def _new_steps(
    stack: Stack, item: Replacement, old: Sequence[Replica], count: int, started: int, observe: float
) -> Iterator[Step]:
    """Yield the steps that start new replicas until `count` run, `started` of them by this plan, and prove them."""
    name = item.service
    ended, leaving = (tuple(replica.id for replica in replicas) for replicas in (item.ended, old))
    yield Start(counts=((name, count),), replicas=True, ended=ended, leaving=leaving, cause=item.cause)
    yield WaitHealthy(counts=((name, started),), new=True, cause=STARTED)
    if name in stack.routed:
        yield VerifyRouting(counts=((name, count),), cause=Cause("replicas were started"))
    if observe:
        yield Observe(service=name, seconds=observe, cause=Cause("the old ones still serve"))
