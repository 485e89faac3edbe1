"""Executor of a coordinated failover."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from redis.exceptions import NoPermissionError, ResponseError

from optimus_ops.change.executor import Handler
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Plan, Step
from optimus_ops.redis.client import reason
from optimus_ops.redis.coordinated_failover import PROMOTION_SECONDS, FailoverRoles, coordinated_failover
from optimus_ops.redis.discovery import Deployment
from optimus_ops.redis.executor import RedisExecutor
from optimus_ops.redis.info_alignment import ALIGNMENT_SECONDS
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import Node
from optimus_ops.redis.observe_sentinel import peer
from optimus_ops.redis.overridden_settings import Override, override
from optimus_ops.redis.sentinel import monitored_masters
from optimus_ops.redis.steps import CoordinatedFailover, ResetReplicaPriority, SetReplicaPriority, VerifyFailover
from optimus_ops.system.wait import wait_until
from optimus_ops.text.console import Progress

PRIORITY = "replica-priority"
PREFERRED = 1
USUAL = 100
"""Redis' default."""
SEEN_SECONDS = 25.0
"""Sentinels look at replicas every ten seconds, unless they were told to do it more often."""
VERIFY_SECONDS = 30.0
"""Sentinels demote an old master that came back ten seconds after it did; this is three times that."""
ACKNOWLEDGE_MS = 1000
"""Shorter than the time limit of the client."""


@dataclass
class FailoverExecutor(RedisExecutor[Deployment]):
    """Carries the steps of a coordinated failover out.

    Undone are settings; a promoted master stays one, since going back would be another failover.
    """

    patience: float = ALIGNMENT_SECONDS  # seconds to wait until clients would learn soonest of the new master

    seconds = SEEN_SECONDS + ALIGNMENT_SECONDS + PROMOTION_SECONDS + VERIFY_SECONDS

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {
            **super().handlers,
            SetReplicaPriority: self._prefer,
            CoordinatedFailover: self._fail_over,
            VerifyFailover: self._verify,
            ResetReplicaPriority: self._reset,
        }

    def _prefer(self, step: SetReplicaPriority, progress: Progress) -> None:
        override = next(it for it in self.overrides if it.server.node.name == step.server)
        topology, node = self.deployment.observe(), override.server.node
        self.on_undo(override.text, partial(override.put_back, self.deployment.server))
        with self.deployment.server(node) as client:
            override.apply(client)

        def is_seen() -> bool:
            progress.show("until a sentinel has seen it")
            return self._sentinel_choosing(topology, node, step.master) is not None

        if not wait_until(is_seen, SEEN_SECONDS):
            raise OpsError(f"no sentinel saw the priority of {step.server} within {SEEN_SECONDS:.0f} s")

    def _reset(self, _step: ResetReplicaPriority, _progress: Progress) -> None:
        self.undo_stack.unwind()

    def _sentinel_choosing(self, topology: Topology, node: Node, master: str) -> Node | None:
        """Return a sentinel that would choose the replica: the only one that it knows at this priority."""
        for sentinel in reversed(_answering(topology)):
            with self.deployment.sentinel(sentinel) as client:
                replicas = client.sentinel_slaves(master)
            best = [peer(raw).address for raw in replicas if int(raw.get("slave-priority", USUAL)) <= PREFERRED]
            if len(best) == 1 and topology.addresses.same(best[0], node.address):
                return sentinel
        return None

    def _fail_over(self, step: CoordinatedFailover, progress: Progress) -> None:
        topology = self.deployment.observe()
        replicas = topology.of_role("replica")
        preferred = [
            server.node
            for server in replicas
            if server.known_replication and server.known_replication.priority == PREFERRED
        ]
        chooser = self._sentinel_choosing(topology, preferred[0], step.master) if preferred else None
        # The last one: it is the last to name the new master in all it says, and clients ask the first one first.
        sentinel = chooser or _answering(topology)[-1]
        down_after = min((watch.down_after for watch in monitored_masters(topology.sentinels)), default=0)
        roles = FailoverRoles(
            sentinel,
            _node(topology, step.server),
            tuple(server.node for server in replicas),
            topology.addresses,
            step.master,
            down_after / 1000,
        )
        result = coordinated_failover(self.deployment, roles, patience=self.patience)
        new = topology.addresses.shown(result.address)
        self.facts |= {
            "promoted": new,
            "by": sentinel.name,
            "seconds_to_promotion": round(result.seconds, 3),
            "writes_held_seconds": round(result.held, 3),
            "lost_bytes": result.lost_bytes,
        }
        progress.note = f"{new} took over, writes were held for {result.held * 1000:.0f} ms"
        if result.lost_bytes:
            lost = f"{result.lost_bytes} bytes of writes that {step.server} took did not reach {new}"
            progress.complaints.append(f"{lost} (those with WAIT may have)")

    def _verify(self, step: VerifyFailover, progress: Progress) -> None:
        missing = ""
        topology: Topology

        def is_settled() -> bool:
            nonlocal topology, missing
            topology = self.deployment.observe()
            missing = missing_after(topology, step.server, step.wanted)
            progress.show(missing)
            return not missing

        if not wait_until(is_settled, VERIFY_SECONDS):
            raise OpsError(f"after {VERIFY_SECONDS:.0f} s, {missing}", "invoke validate-redis shows all of it")
        [new] = topology.of_role("master")
        progress.note = f"{new.node.name}; {self._write(new.node)}"
        self.facts["master"] = new.node.name

    def _write(self, node: Node) -> str:
        """Prove that the master takes a write and passes it on."""
        key = f"optimus:failover-probe:{secrets.token_hex(8)}"
        refusal: list[ResponseError] = []
        with self.deployment.server(node) as client:

            def is_taken() -> bool:
                try:
                    client.set(key, "1", ex=60)
                except NoPermissionError:
                    raise
                except ResponseError as error:
                    # Until replicas have acknowledged something, min-replicas-to-write refuses.
                    refusal[:] = [error]
                    return False
                return True

            try:
                if not wait_until(is_taken, VERIFY_SECONDS):
                    raise OpsError(f"{node.name} takes no write: {reason(refusal[0])}")
            except NoPermissionError:
                return "a write was not tried: the user may not"
            reached = int(client.wait(1, ACKNOWLEDGE_MS))
            client.delete(key)
        if not reached:
            raise OpsError(f"no replica acknowledged a write to {node.name} within {ACKNOWLEDGE_MS} ms")
        return "it took a write, and a replica has it"


def priority_overrides(plan: Plan, topology: Topology, left: tuple[Override, ...]) -> tuple[Override, ...]:
    """Return the override of the replica-priority of the server that a plan prefers."""
    servers = {server.node.name: server for server in topology.servers}
    preferred = (servers[step.server] for step in plan.steps if isinstance(step, SetReplicaPriority))
    return tuple(override(server, PRIORITY, _priority(server), str(PREFERRED), left) for server in preferred)


def _priority(server: Server) -> str:
    own = server.known_replication
    return str(USUAL if own is None or own.priority is None else own.priority)


def missing_after(topology: Topology, old: str, wanted: str) -> str:
    """Return what is not yet as it should be after a failover from one master to another ("" for any); "" if all is."""
    masters = topology.of_role("master")
    if len(masters) != 1:
        return f"there are {len(masters)} masters"
    [new] = masters
    if new.node.name == old or (wanted and new.node.name != wanted):
        return f"{new.node.name} is the master"
    for sentinel in topology.sentinels:
        if sentinel.unreachable_reason:
            return f"{sentinel.node.name} does not answer: {sentinel.unreachable_reason}"
        for watch in monitored_masters([sentinel]):
            if not topology.addresses.same(watch.master.address, new.node.address):
                return f"{sentinel.node.name} still names {topology.addresses.shown(watch.master.address)}"
    for server in topology.members:
        if server is not new and not server.follows(new.node.address, topology.addresses):
            return f"{server.node.name} does not follow {new.node.name} yet"
    return ""


def _answering(topology: Topology) -> list[Node]:
    return [sentinel.node for sentinel in topology.sentinels if not sentinel.unreachable_reason]


def _node(topology: Topology, name: str) -> Node:
    return next(server.node for server in topology.servers if server.node.name == name)
