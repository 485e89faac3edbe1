"""The observation window: new replicas compared with old ones by the balancer's log, and whether they stay healthy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica
from optimus_ops.plan.steps import Observe
from optimus_ops.rollout.containers import Containers
from optimus_ops.text.console import Progress


def observe_new(containers: Containers, step: Observe, progress: Progress) -> None:
    """Watch the new replicas of a service for a while."""
    from optimus_ops.balancer import traffic  # noqa: PLC0415 - costs time that most tasks don't need

    balancer = containers.stack.balancer
    if balancer is None or step.service not in containers.stack.routed:
        progress.note = "no requests reach it through the balancer: judged by health alone"
        containers.wait_until(partial(_check_health, containers, step.service), step.seconds)
        return
    state = containers.observe()
    new = containers.new_replicas(state, step.service)
    old = tuple(replica for replica in state.running(step.service) if replica.id in containers.before.ids)
    [edge] = state.running(balancer)
    inspect = partial(_inspect, containers, step.service, progress)
    engine, clock = containers.engine, containers.clock
    verdict = traffic.observe_new(engine, edge.id, new, old, step.seconds, inspect=inspect, clock=clock)
    progress.note = verdict.text
    if verdict.blind:
        progress.complaints.append(
            f"the new {step.service} was judged without the balancer's log: {verdict.blind} "
            f"(requests go to standard output of {balancer}, in the format of docs/deploy.md)"
        )
    if not verdict.good:
        raise OpsError(f"the new {_named(step.service, new)} worse than the old: " + "; ".join(verdict.reasons))


def _check_health(containers: Containers, service: str) -> bool:
    """Raise where a new replica failed; never true, so that the window lasts to its end."""
    if failure := _failure(containers, service):
        raise OpsError(f"the new {service} is worse than the old: {failure}")
    return False


def _inspect(containers: Containers, service: str, progress: Progress, seen: str) -> str | None:
    """Show what was seen so far; return what is bad whatever the traffic says."""
    progress.note = seen
    return _failure(containers, service)


def _failure(containers: Containers, service: str) -> str | None:
    new = containers.new_replicas(containers.observe((service,)), service)
    failed = containers.health.failed(new)
    return containers.failure(failed[0], failed[0].condition).message if failed else None


def _named(service: str, new: Sequence[Replica]) -> str:
    return f"{service} is" if len(new) == 1 else f"{service} replicas are"
