"""Carrying a planned fail-over out."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError, ResponseError

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.redis.client import FAILURES, reason
from optimus_ops.redis.coordinated_failover import (
    MOMENT_SECONDS,
    PROMOTION_SECONDS,
    FailoverResult,
    FailoverRoles,
    coordinated_failover,
)
from optimus_ops.redis.model import NotPermitted, monitored_masters
from optimus_ops.redis.observe_sentinel import peer
from optimus_ops.redis.steps import CoordinatedFailover, ResetReplicaPriority, SetReplicaPriority, VerifyFailover

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.plan.step import Plan, Step
    from optimus_ops.redis.discovery import Deployment
    from optimus_ops.redis.model import Node, Server, Topology
    from optimus_ops.text.console import Progress

POLL_SECONDS = 0.1
PREFERRED = 1
USUAL = 100
"""Redis' default replica-priority."""
SEEN_SECONDS = 25.0
"""Sentinels look at replicas every ten seconds, unless they were told to do it more often."""
VERIFY_SECONDS = 30.0
"""Sentinels demote an old master that came back ten seconds after it did; this is three times that."""
WAIT_MS = 2000
LONGEST_SECONDS = SEEN_SECONDS + MOMENT_SECONDS + PROMOTION_SECONDS + VERIFY_SECONDS


@dataclass
class FailoverExecutor(StepExecutor):
    """Carries the steps of a planned fail-over out.

    Args:
        place: where the group is.
        patience: seconds to wait for the moment at which clients learn soonest of the new master.
    """

    place: Deployment
    patience: float = MOMENT_SECONDS
    _undo: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    _facts: dict[str, Any] = field(default_factory=dict)

    def longest(self, plan: Plan) -> float:  # noqa: ARG002 - whatever the steps are
        """Return how many seconds a plan may take at most."""
        return LONGEST_SECONDS

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; raise `OpsError` if it fails."""
        try:
            self._act(step, progress)
        except FAILURES as error:
            raise OpsError(f"{step.text}: {reason(error)}", "how the group is now: invoke validate-redis") from error

    def _act(self, step: Step, progress: Progress) -> None:
        match step:
            case SetReplicaPriority(server=server, master=master):
                self._prefer(server, master, progress)
            case CoordinatedFailover(server=server, master=master):
                self._hand_over(server, master, progress)
            case VerifyFailover():
                self._verify(step, progress)
            case ResetReplicaPriority():
                self._put_back()
            case _:
                raise OpsError(f"no way to carry out a step of kind {step.kind!r}")

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put settings back; a master that was promoted stays one, since going back would be another fail-over."""
        done = self._put_back()
        progress.note = ", ".join(done) or "there was nothing to undo"
        return tuple(done)

    def outcome(self) -> dict[str, Any]:
        """Return what came of it, for the JSON document."""
        return dict(self._facts)

    def _put_back(self) -> list[str]:
        done = []
        while self._undo:
            text, carry_out = self._undo.pop()
            carry_out()
            done.append(text)
        return done

    def _prefer(self, name: str, master: str, progress: Progress) -> None:
        topology = self.place.observe()
        node = _node(topology, name)
        with self.place.server(node) as client:
            before = client.config_get("replica-priority").get("replica-priority", str(USUAL))
            client.config_set("replica-priority", PREFERRED)
        self._undo.append((f"replica-priority of {name} is {before} again", lambda: self._set_priority(node, before)))
        until = time.monotonic() + SEEN_SECONDS
        while self._preferring(topology, node, master) is None:
            if time.monotonic() >= until:
                raise OpsError(f"no sentinel saw the priority of {name} within {SEEN_SECONDS:.0f} s")
            progress.show("until a sentinel has looked")
            time.sleep(POLL_SECONDS)

    def _set_priority(self, node: Node, priority: str) -> None:
        with self.place.server(node) as client:
            client.config_set("replica-priority", priority)
            _rewrite(client)

    def _preferring(self, topology: Topology, node: Node, master: str) -> Node | None:
        """Return a sentinel that would choose the replica: the only one that it knows at this priority."""
        for sentinel in reversed([one for one in topology.sentinels if not one.unreachable_reason]):
            with self.place.sentinel(sentinel.node) as client:
                replicas = client.sentinel_slaves(master)
            best = [peer(one).address for one in replicas if int(one.get("slave-priority", USUAL)) <= PREFERRED]
            if len(best) == 1 and topology.addresses.same(best[0], node.address):
                return sentinel.node
        return None

    def _hand_over(self, name: str, master: str, progress: Progress) -> None:
        topology = self.place.observe()
        preferred = [one.node for one in topology.members if one.role == "replica" and _priority(one) == PREFERRED]
        chooser = self._preferring(topology, preferred[0], master) if preferred else None
        # The last one: it is the last to name the new master in all it says, and clients ask the first one first.
        sentinel = chooser or [one.node for one in topology.sentinels if not one.unreachable_reason][-1]
        down_after = min((watch.down_after for watch in monitored_masters(topology.sentinels)), default=0)
        replicas = tuple(one.node for one in topology.members if one.role == "replica")
        parts = FailoverRoles(sentinel, _node(topology, name), replicas, topology.addresses, master, down_after / 1000)
        handed = coordinated_failover(self.place, parts, patience=self.patience)
        self._facts |= _facts(topology, sentinel, handed)
        new = topology.addresses.shown(handed.address)
        progress.note = f"{new} took over, writes were held for {handed.held * 1000:.0f} ms"
        if handed.lost_bytes:
            progress.complaints.append(
                f"{handed.lost_bytes} bytes of writes that {name} took did not reach {new} (those with WAIT may have)"
            )

    def _verify(self, step: VerifyFailover, progress: Progress) -> None:
        until = time.monotonic() + VERIFY_SECONDS
        while True:
            topology = self.place.observe()
            missing = missing_after(topology, step.server, step.wanted)
            if not missing:
                break
            progress.show(missing)
            if time.monotonic() >= until:
                raise OpsError(f"after {VERIFY_SECONDS:.0f} s, {missing}", "invoke validate-redis shows all of it")
            time.sleep(POLL_SECONDS)
        new = next(one.node for one in topology.members if one.role == "master")
        progress.note = f"{new.name}; {self._write(new, until)}"
        self._facts["master"] = new.name

    def _write(self, node: Node, until: float) -> str:
        """Prove that the master takes a write and passes it on."""
        key = f"optimus:failover-probe:{secrets.token_hex(8)}"
        with self.place.server(node) as client:
            while True:
                try:
                    client.set(key, "1", ex=60)
                    break
                except NoPermissionError:
                    return "a write was not tried: the user may not"
                except ResponseError as error:
                    # Until replicas have acknowledged something, min-replicas-to-write refuses.
                    if time.monotonic() >= until:
                        raise OpsError(f"{node.name} takes no write: {reason(error)}") from error
                    time.sleep(POLL_SECONDS)
            # Shorter than the patience of the client.
            reached = int(client.wait(1, WAIT_MS // 2))
            client.delete(key)
        if not reached:
            raise OpsError(f"no replica acknowledged a write to {node.name} within {WAIT_MS // 2} ms")
        return "it took a write, and a replica has it"


def missing_after(topology: Topology, old: str, wanted: str) -> str:
    """Return what is not yet as it should be after a fail-over; "" if everything is.

    Args:
        topology: what was observed.
        old: name of the server that was master.
        wanted: name of the one that should be; "" for any other.
    """
    masters = [one for one in topology.members if one.role == "master"]
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


def _node(topology: Topology, name: str) -> Node:
    return next(server.node for server in topology.servers if server.node.name == name)


def _priority(server: Server) -> int | None:
    return None if isinstance(server.replication, NotPermitted) else server.replication.priority


def _rewrite(client: Any) -> None:
    try:
        client.config_rewrite()
    except ResponseError:
        # Without a file, or without the right: it is as it was before.
        return


def _facts(topology: Topology, sentinel: Node, handed: FailoverResult) -> dict[str, Any]:
    return {
        "promoted": topology.addresses.shown(handed.address),
        "by": sentinel.name,
        "seconds_to_promotion": round(handed.seconds, 3),
        "writes_held_seconds": round(handed.held, 3),
        "lost_bytes": handed.lost_bytes,
    }
