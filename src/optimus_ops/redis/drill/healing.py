"""Healing of what a drill left broken that was killed itself: found by observing, and by what its journal kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimus_ops.change.executor import Handler, StepExecutor
from optimus_ops.change.history import History
from optimus_ops.errors import OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import Group, RedisNode, node_of, unhealthy_reason
from optimus_ops.redis.drill.namespaces import has_fault
from optimus_ops.redis.drill.steps import AwaitHealth, Damage, HealNode
from optimus_ops.redis.overridden_settings import LEFT_HALF_WAY
from optimus_ops.system.wait import wait_until
from optimus_ops.text.console import Progress

KEY = "drill"
"""Of what a journal keeps of what was there before a change."""
CONVERGE_SECONDS = 60.0


def journalled_nodes(injector: FaultInjector, group: Group, *, root: bool) -> dict[str, Any]:
    """Return what a journal keeps of a group: how each node is attached, and whether faults were made in namespaces."""
    nodes = {}
    for node in group.nodes.values():
        network, aliases = injector.engine.attachment(node.container, node.host)
        nodes[node.name] = {
            "container": node.container,
            "host": node.host,
            "network": network,
            "aliases": list(aliases),
        }
    return {KEY: {"root": root, "nodes": nodes}}


def killed_drill(history: History) -> Mapping[str, Any]:
    """Return what the journal of the latest drill kept, if that was cut short; else nothing."""
    latest = next((change for change in history.changes if change.purpose == "redis.drill"), None)
    kept = latest.before.get(KEY) if latest and latest.outcome in LEFT_HALF_WAY else None
    return kept if isinstance(kept, dict) else {}


@dataclass
class HealingExecutor(StepExecutor):
    """Heals the nodes of a group."""

    deployment: StackDeployment
    injector: FaultInjector
    kept: Mapping[str, Any]

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {HealNode: self._heal, AwaitHealth: self._await_health}

    def plan(self, containers: Sequence[RedisContainer]) -> Plan:
        """Plan to heal what is broken of a group; the plan is empty where nothing is."""
        cause = Cause("a drill was killed before it did")
        steps = [
            HealNode(server=container.service_name, damage=damage, cause=cause)
            for container in containers
            for damage in self._damages(container)
        ]
        proof = [AwaitHealth(cause=Cause("a drill begins healthy"))] if steps else []
        return Plan(self.deployment.project, "redis.heal", (*steps, *proof))

    def _damages(self, container: RedisContainer) -> Iterator[Damage]:
        """Yield in the order in which it is healed what is broken of a container."""
        if container.status not in {"running", "paused"}:
            yield "stopped"
            return
        kept = self.kept["nodes"].get(container.service_name, {})
        if kept.get("container") == container.id and kept["host"] not in container.hosts:
            yield "disconnected"
        if container.status == "paused":
            yield "paused"
        elif self.kept["root"] and has_fault(self.injector.engine.pid(container.id), container.volumes):
            yield "cut off"

    def applied(self, step: Step) -> bool:
        """Tell whether a node is not broken any more."""
        return isinstance(step, HealNode) and step.damage not in self._damages(self._container(step.server))

    def _container(self, name: str) -> RedisContainer:
        return next(found for found in self.deployment.containers() if found.service_name == name)

    def _heal(self, step: HealNode, _progress: Progress) -> None:
        container = self._container(step.server)
        node = node_of(self.deployment, container)
        match step.damage:
            case "disconnected":
                kept = self.kept["nodes"][step.server]
                at = RedisNode(node.name, node.container, kept["host"], node.port, node.login)
                self.injector.connect(at, kept["network"], tuple(kept["aliases"]))
            case "paused":
                self.injector.resume(node)
            case "stopped":
                self.injector.start(node)
            case "cut off":
                # Rules and mounts end with the container.
                self.injector.engine.kill(node.container)
                self.injector.start(node)

    def _await_health(self, _step: AwaitHealth, progress: Progress) -> None:
        failing = ""

        def healthy() -> bool:
            nonlocal failing
            failing = unhealthy_reason(self.deployment.observe())
            progress.show(failing)
            return not failing

        if not wait_until(healthy, CONVERGE_SECONDS, poll=0.5):
            raise OpsError(f"the group is not healthy: {failing}", "invoke validate-redis says what to do")
