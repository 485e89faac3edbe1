"""Proof through the balancer that every replica answers that was started, and none that is gone."""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.balancer.routing import Known, check_routing, endpoint_of
from optimus_ops.errors import OpsError
from optimus_ops.plan.steps import VerifyRouting
from optimus_ops.rollout.containers import Containers, note
from optimus_ops.text.console import Progress


def verify_routing(containers: Containers, step: VerifyRouting, progress: Progress) -> None:
    """Check the routing to some services, for as long as the step says."""
    note(progress, check_services(containers, [name for name, _count in step.counts], step.settle))


def check_services(containers: Containers, services: Iterable[str], settle: float) -> str:
    """Check the routing to some services until it was right for `settle` seconds; return what was seen.

    Raises:
        OpsError: a new replica failed, one is silent, one that is gone answers, or the balancer answers with errors.
    """
    state, health = containers.observe(), containers.health
    requests, excused = 0, False
    for name in services:
        # One that is restarted again and again answers at times, too.
        expected = [replica for replica in state.of(name) if replica.occupied]
        if failed := health.failed(containers.new_replicas(state, name)):
            raise containers.failure(failed[0], failed[0].condition)
        unwell = health.unwell(expected)
        routing = check_routing(
            name,
            endpoint_of(containers.stack, state, name, published=containers.prober.published),
            {replica.hostname: replica.name for replica in expected},
            deadline=containers.deadlines.routing,
            settle=settle,
            known=Known(health.serving_before(expected), unwell),
            prober=containers.prober,
        )
        requests += sum(routing.seen.values())
        excused = excused or bool(unwell)
        if not routing.good:
            raise OpsError(f"{name} through {containers.stack.balancer} ({routing.endpoint}): {routing.verdict}")
    return f"{requests} requests, every replica {'that is well ' if excused else ''}answered"
