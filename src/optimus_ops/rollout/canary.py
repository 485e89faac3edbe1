"""The observation window: new replicas beside old ones, as the balancer sees them, and whether they stay up at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from optimus_ops.balancer.traffic import observe_new as observe_traffic
from optimus_ops.errors import OpsError
from optimus_ops.plan.scale import routed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimus_ops.model.state import Replica
    from optimus_ops.rollout.containers import Containers
    from optimus_ops.text.console import Progress

POLL_SECONDS = 0.5


def observe_new(containers: Containers, service: str, seconds: float, progress: Progress) -> None:
    """Watch the new replicas of a service for a while.

    Args:
        containers: the project's containers.
        service: the service.
        seconds: how long.
        progress: told what is seen, and what could not be.

    Raises:
        OpsError: one ended or got unhealthy, or they answer worse than the old ones.
    """
    state = containers.observe()
    new = containers.new_replicas(state, service)
    old = tuple(replica for replica in state.running(service) if replica.id in containers.before.ids)

    def look(seen: str) -> str | None:
        progress.note = seen
        bad = containers.judge.failed(containers.new_replicas(containers.observe((service,)), service))
        return f"{bad[0].name} {bad[0].condition}; it said last:\n{containers.said(bad[0])}" if bad else None

    balancer = containers.stack.balancer
    if balancer is None or service not in routed(containers.stack):
        _watch(service, seconds, look)
        return
    [edge] = state.running(balancer)
    verdict = observe_traffic(containers.docker, edge.id, new, old, seconds, look=look)
    progress.note = verdict.text
    if verdict.blind:
        progress.complaints.append(
            f"the new {service} was judged without the balancer's log: {verdict.blind} "
            f"(requests go to standard output of {balancer}, in the format of docs/deploy.md)"
        )
    if not verdict.good:
        raise OpsError(f"the new {_named(service, new)} worse than the old: " + "; ".join(verdict.reasons))


def _watch(service: str, seconds: float, look: Callable[[str], str | None]) -> None:
    """Watch replicas that the balancer sends nothing to."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if bad := look("no requests reach it through the balancer: judged by health alone"):
            raise OpsError(f"the new {service} is worse than the old: {bad}")
        time.sleep(POLL_SECONDS)


def _named(service: str, new: Sequence[Replica]) -> str:
    return f"{service} is" if len(new) == 1 else f"{service} replicas are"
