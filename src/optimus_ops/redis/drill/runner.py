"""One run of a fault: load, injection, healing, and what is stored afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from redis.exceptions import RedisError

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import reason
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.durability_check import DurabilityCheck
from optimus_ops.redis.drill.failover_timeline import election_allowed_at, restored_at
from optimus_ops.redis.drill.fault_context import SWITCH_SECONDS, FaultContext
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.group import Group, RedisNode, unhealthy_reason
from optimus_ops.redis.drill.healing import CONVERGE_SECONDS
from optimus_ops.redis.drill.record import Recording, Write
from optimus_ops.redis.drill.recorder import Recorder
from optimus_ops.redis.drill.service_workload import ServiceEndpoint
from optimus_ops.redis.drill.writers import LOADS, PINNED_LOADS
from optimus_ops.system.wait import wait_until

QUIET_SECONDS = 1.5
"""Of load before the fault; the observation before took another half. Sentinels whose connections were just made anew
may take a master for dead without reason."""
AFTER_SECONDS = 0.1
POLL_SECONDS = 0.25


@dataclass
class FaultRunner:
    """Makes runs."""

    group: Group
    deployment: StackDeployment
    injector: FaultInjector
    endpoints: tuple[ServiceEndpoint, ...] = ()
    _election_allowed_at: float = 0.0

    def run(self, fault: Fault, number: int, note: Callable[[str], None]) -> Recording:
        """Make one run; raise `OpsError` where a fault can't be injected, or the group is not healthy again in time."""
        if fault.elections is not None and fault.elections[0] > 0:
            self._wait_for_elections(note)
        topology = self.deployment.observe()
        name = f"{fault.name}-{secrets.token_hex(4)}"
        loads = (*LOADS, *(PINNED_LOADS if fault.pinned_writers else ()))
        master = self._master()
        with Recorder(self.group, name, master.name, loads, self.endpoints) as recorder:
            started = time.monotonic()
            note("writing")
            recorder.sleep(QUIET_SECONDS)
            replicas = tuple(node for node in self.group.servers.values() if node is not master)
            context = FaultContext(self.group, master, replicas, topology, self.deployment, self.injector, recorder)
            note("breaking")
            self._override(fault)
            fault.inject(context)
            self._hold(fault, context, note)
            healing = context.healed_at or time.monotonic()
            note("healing")
            self.injector.heal()
            converged = self._converge(recorder, note)
            recorder.sleep(AFTER_SECONDS)
        note("counting")
        self._election_allowed_at = election_allowed_at(recorder.events, self.group.failover_timeout)
        writes = tuple(recorder.writes)
        kinds = (*(load.kind for load in loads), *(endpoint.kind for endpoint in self.endpoints))
        return Recording(
            fault=fault,
            number=number,
            master=master.name,
            hosts=self.group.hosts,
            replicas=len(replicas),
            started_at=started,
            injected_at=context.injected_at,
            healing_at=healing,
            converged_at=converged,
            kinds=kinds,
            writes=writes,
            events=tuple(recorder.events),
            roles=tuple(recorder.roles),
            present=self._count(DurabilityCheck(self._master(), name, kinds, self.endpoints), writes),
            facts=context.facts,
        )

    def _wait_for_elections(self, note: Callable[[str], None]) -> None:
        """Wait until sentinels would start an election at once: after one that failed they do not."""
        while (left := self._election_allowed_at - time.monotonic()) > 0:
            note(f"waiting {left:.0f} s: an election had no result, and sentinels begin no other so soon")
            time.sleep(min(left, 1.0))

    def _override(self, fault: Fault) -> None:
        for node in self.group.servers.values():
            for name, temporary in fault.settings.items():
                usual = node.setting(name)
                restore = partial(node.configure, name, usual)
                self.injector.cleanups.push(f"{name} of {node.name} is {usual} again", restore)
                node.configure(name, temporary)

    def _hold(self, fault: Fault, context: FaultContext, note: Callable[[str], None]) -> None:
        """Let a fault last until it has led to what it must lead to."""
        if fault.changes:
            note("waiting for the fail-over")
            context.recorder.wait(lambda: self._failed_over(context), SWITCH_SECONDS)
        left = context.injected_at + fault.hold - time.monotonic()
        context.recorder.sleep(max(left, AFTER_SECONDS))

    def _failed_over(self, context: FaultContext) -> bool:
        """Tell whether most sentinels name the new master to new clients, and writes are acknowledged again."""
        switched = {
            event.sentinel: event.at for event in context.recorder.events_since(context.injected_at, "+switch-master")
        }
        if len(switched) <= len(self.group.sentinels) // 2:
            return False
        latest = max(switched.values())
        recent = context.recorder.writes[-200:]
        kinds = {write.kind for write in recent if write.acknowledged and write.began > latest}
        return {load.kind.name for load in LOADS} <= kinds

    def _converge(self, recorder: Recorder, note: Callable[[str], None]) -> float:
        """Wait until one master has all replicas and no check of the group fails; return when that was."""
        replicas = len(self.group.servers) - 1
        failing, observed_at = "not all replicas follow one master", 0.0

        def healthy() -> bool:
            nonlocal failing, observed_at
            recorder.check()
            if restored_at(tuple(recorder.roles), self.group.hosts, replicas, 0.0) is not None:
                observed_at = time.monotonic()
                failing = unhealthy_reason(self.deployment.observe())
            if failing:
                note(f"waiting until the group is healthy: {failing}")
            return not failing

        if not wait_until(healthy, CONVERGE_SECONDS, poll=POLL_SECONDS):
            raise OpsError(
                f"the group is not healthy {CONVERGE_SECONDS:.0f} s after it was healed: {failing}",
                "invoke validate-redis says what to do",
            )
        return observed_at

    def _master(self) -> RedisNode:
        """Return the current master, which may have to be waited for."""
        masters: list[str] = []

        def found() -> bool:
            masters[:] = [server.node.name for server in self.deployment.observe().members if server.role == "master"]
            return len(masters) == 1

        if not wait_until(found, CONVERGE_SECONDS, poll=POLL_SECONDS):
            raise OpsError(f"there are {len(masters)} masters; one is wanted", "invoke validate-redis")
        return self.group.servers[masters[0]]

    @staticmethod
    def _count(check: DurabilityCheck, writes: tuple[Write, ...]) -> dict[str, int]:
        """Return how many times each write is stored, and remove them."""
        try:
            present = check.count(writes)
            check.clear(writes)
        except RedisError as error:
            raise OpsError(f"what was written can't be counted: {reason(error)}") from error
        return present
