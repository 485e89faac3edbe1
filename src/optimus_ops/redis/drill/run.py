"""One run: load, fault, healing, and what was there afterwards."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import reason
from optimus_ops.redis.drill.durability_check import Places, clear, count_present
from optimus_ops.redis.drill.failover_timeline import restored_at
from optimus_ops.redis.drill.group import not_whole
from optimus_ops.redis.drill.injections import STRIKES, SWITCH_SECONDS, FaultContext
from optimus_ops.redis.drill.record import Marks, Recording
from optimus_ops.redis.drill.recorder import Tape
from optimus_ops.redis.drill.writers import NEAR_PACES, PACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.redis.drill.fault_injector import Hands
    from optimus_ops.redis.drill.faults import Fault
    from optimus_ops.redis.drill.nodes import Group, Peer
    from optimus_ops.redis.drill.record import SentinelEvent
    from optimus_ops.redis.drill.service_workload import ServiceEndpoint
    from optimus_ops.redis.model import Topology

QUIET_SECONDS = 1.5
"""Under load before the fault; counting and looking took another half before. Sentinels whose links were just made anew
may take a master for dead without reason."""
AFTER_SECONDS = 0.1
CONVERGE_SECONDS = 60.0
JUDGE_SECONDS = 0.25


@dataclass
class Runner:
    """Makes runs.

    Args:
        group: the servers and sentinels.
        place: where they are looked at.
        hands: what breaks and mends.
        doors: where callers of the services come in.
    """

    group: Group
    place: StackDeployment
    hands: Hands
    doors: tuple[ServiceEndpoint, ...] = ()
    _patient_at: float = 0.0

    def run(self, fault: Fault, number: int, note: Callable[[str], None]) -> Recording:
        """Make one run.

        Args:
            fault: which.
            number: of the run, from 1.
            note: told what is done now.

        Raises:
            OpsError: the group was not whole again in time, or could not be broken.
        """
        if fault.elections is not None and fault.elections[0] > 0:
            self._wait_for_patience(note)
        topology = self.place.observe()
        name = f"{fault.name}-{secrets.token_hex(4)}"
        paces = (*PACES, *(NEAR_PACES if fault.near else ()))
        with Tape(self.group, name, self._master().name, paces, self.doors) as tape:
            began = time.monotonic()
            note("writing")
            tape.wait(lambda: False, QUIET_SECONDS)
            scene = self._scene(topology, tape)
            note("breaking")
            STRIKES[fault.name](scene)
            self._last(fault, scene, note)
            healing = scene.mended or time.monotonic()
            note("healing")
            self.hands.mend()
            healed = time.monotonic()
            converged = self._converge(tape, note)
            tape.wait(lambda: False, AFTER_SECONDS)
        note("counting")
        self._patient_at = patient_at(tape.events, self.group.failover_timeout)
        marks = Marks(began, scene.struck, healing, healed, converged)
        return self._recording(fault, number, scene, marks)

    def _wait_for_patience(self, note: Callable[[str], None]) -> None:
        """Wait until sentinels would decide at once: after an election without result they do not."""
        while (left := self._patient_at - time.monotonic()) > 0:
            note(f"waiting {left:.0f} s: an election had no result, and sentinels begin no other so soon")
            time.sleep(min(left, 1.0))

    def _scene(self, topology: Topology, tape: Tape) -> FaultContext:
        master = self.group.servers[tape.master]
        replicas = tuple(peer for peer in self.group.servers.values() if peer is not master)
        return FaultContext(self.group, master, replicas, topology, self.place, self.hands, tape)

    def _last(self, fault: Fault, scene: FaultContext, note: Callable[[str], None]) -> None:
        """Let a fault last until it has led to what it must lead to."""
        if fault.changes:
            note("waiting for the fail-over")
            scene.tape.wait(lambda: self._replaced(scene), SWITCH_SECONDS)
        left = scene.struck + fault.hold - time.monotonic()
        scene.tape.wait(lambda: False, max(left, AFTER_SECONDS))

    def _replaced(self, scene: FaultContext) -> bool:
        """Tell whether most sentinels name the new master to whoever comes back, and writes are acknowledged again."""
        tape, struck = scene.tape, scene.struck
        switched = {
            event.sentinel: event.at
            for event in tuple(tape.events)
            if event.channel == "+switch-master" and event.at > struck
        }
        if len(switched) <= len(self.group.sentinels) // 2:
            return False
        latest = max(switched.values())
        kinds = {write.kind for write in tape.writes[-200:] if write.acknowledged and write.began > latest}
        return {"plain", "wait", "stream"} <= kinds

    def _converge(self, tape: Tape, note: Callable[[str], None]) -> float | None:
        """Wait until one master has all replicas and no check of the group fails; return when that was.

        Raises:
            OpsError: not in time.
        """
        note("waiting until the group is whole")
        until = time.monotonic() + CONVERGE_SECONDS
        replicas = len(self.group.servers) - 1
        failing = "not all replicas follow one master"
        while time.monotonic() < until:
            tape.check()
            at = restored_at(tuple(tape.roles), self.group.hosts, replicas, 0.0)
            if at is not None:
                looked = time.monotonic()
                failing = not_whole(self.place.observe())
                if not failing:
                    return looked
            note(f"waiting until the group is whole: {failing}")
            time.sleep(JUDGE_SECONDS)
        raise OpsError(
            f"the group is not whole {CONVERGE_SECONDS:.0f} s after it was healed: {failing}",
            "invoke validate-redis says what to do",
        )

    def _master(self) -> Peer:
        """Return the master of now; a moment is waited for it.

        Raises:
            OpsError: there is none, or more than one.
        """
        until = time.monotonic() + CONVERGE_SECONDS
        while True:
            masters = [server.node.name for server in self.place.observe().members if server.role == "master"]
            if len(masters) == 1:
                return self.group.servers[masters[0]]
            if time.monotonic() >= until:
                raise OpsError(f"there are {len(masters)} masters; one is wanted", "invoke validate-redis")
            time.sleep(JUDGE_SECONDS)

    def _recording(self, fault: Fault, number: int, scene: FaultContext, marks: Marks) -> Recording:
        tape, writes = scene.tape, tuple(scene.tape.writes)
        kinds = (*(pace.kind for pace in tape.paces), *(door.kind for door in tape.doors))
        repeated = frozenset(kind.name for kind in kinds if kind.repeats)
        places = Places(tape.run, repeated, {door.kind.name: door for door in tape.doors})
        try:
            master = self._master()
            present = count_present(master, places, writes)
            clear(master, places, writes)
        except RedisError as error:
            raise OpsError(f"what was written can't be count_verdicts: {reason(error)}") from error
        return Recording(
            fault=fault.name,
            number=number,
            master=scene.master.name,
            hosts=self.group.hosts,
            replicas=len(self.group.servers) - 1,
            marks=marks,
            kinds=kinds,
            writes=writes,
            events=tuple(tape.events),
            roles=tuple(tape.roles),
            present=present,
            facts=dict(scene.facts),
        )


def patient_at(events: Sequence[SentinelEvent], failover_timeout: float) -> float:
    """Return from when on sentinels begin an election at once; 0 if they always do.

    A fail-over that is done lets them begin again. One that was tried and not done makes them wait for twice
    failover-timeout, and up to a second more.

    Args:
        events: what they published, in the order of time.
        failover_timeout: in seconds.
    """
    tried = max((event.at for event in events if event.channel == "+try-failover"), default=None)
    if tried is None or any(event.channel == "+switch-master" and event.at > tried for event in events):
        return 0.0
    return tried + 2 * failover_timeout + 1.0
