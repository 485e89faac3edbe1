"""What a fault is injected into: the group as it is, and what the fault measures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from optimus_ops.errors import OpsError
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import Group, RedisNode
from optimus_ops.redis.drill.record import Fact
from optimus_ops.redis.drill.recorder import Recorder
from optimus_ops.redis.failover import plan_failover
from optimus_ops.redis.failover_executor import FailoverExecutor
from optimus_ops.redis.model import Topology
from optimus_ops.redis.steps import CoordinatedFailover
from optimus_ops.system.wait import run_parallel
from optimus_ops.text.console import Progress

SWITCH_SECONDS = 15.0
"""A fail-over takes two; after a split vote the next one begins up to twice failover-timeout later."""
EVENT_LATENCY = 0.005
"""Seconds that an event takes from the sentinel to the drill."""


@dataclass
class FaultContext:
    """What a fault is injected into."""

    group: Group
    master: RedisNode
    replicas: tuple[RedisNode, ...]
    topology: Topology  # as observed before the fault
    deployment: StackDeployment
    injector: FaultInjector
    recorder: Recorder
    facts: dict[str, Fact] = field(default_factory=dict)  # what the fault measured; filled by it
    injected_at: float = 0.0  # when the decisive action began: later than the call where something is prepared first
    healed_at: float | None = None  # when it was healed, where healing is part of the fault

    @property
    def others(self) -> tuple[RedisNode, ...]:
        """All servers and sentinels but the master."""
        return (*self.replicas, *self.group.sentinels.values())

    def inject(self, act: Callable[[RedisNode], None], *nodes: RedisNode) -> None:
        """Do the decisive action to the master; to the nodes at the same time, where some are given."""
        self.injected_at = time.monotonic()
        run_parallel(act, nodes or [self.master])

    def wait_for_switch(self) -> str:
        """Wait for the sentinels to switch; return the name of the new master, "" without one."""

        def hosts() -> list[str]:
            return [event.new_master_host for event in self.recorder.events_since(self.injected_at, "+switch-master")]

        self.recorder.wait(lambda: bool(hosts()), SWITCH_SECONDS)
        return next((self.group.hosts.get(host, host) for host in hosts()), "")

    def fail_over(self) -> None:
        """Fail over as `invoke redis.failover` does; the fault is injected when the sentinel begins."""
        executor = FailoverExecutor(self.deployment)
        steps = [step for step in plan_failover(self.topology).steps if isinstance(step, CoordinatedFailover)]
        if len(steps) != 1:
            raise OpsError("a planned fail-over has one step that hands over")
        self.inject(lambda _master: executor.carry_out(steps[0], Progress("hand over")))
        begun = [event.at for event in self.recorder.events_since(self.injected_at, "+try-failover")]
        self.injected_at = min(begun, default=self.injected_at) - EVENT_LATENCY
        self.facts |= {name.replace("_", " "): Fact(str(value)) for name, value in executor.facts.items()}
