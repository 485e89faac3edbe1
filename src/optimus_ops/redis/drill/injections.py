"""How each fault is made."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import open_client
from optimus_ops.redis.drill.disk import shrink_disk
from optimus_ops.redis.drill.partition import cut
from optimus_ops.redis.failover import plan_failover
from optimus_ops.redis.failover_executor import FailoverExecutor
from optimus_ops.redis.model import Address
from optimus_ops.redis.steps import CoordinatedFailover
from optimus_ops.text.console import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.redis.drill.fault_injector import Hands
    from optimus_ops.redis.drill.nodes import Group, Peer
    from optimus_ops.redis.drill.recorder import Tape
    from optimus_ops.redis.model import Topology

SWITCH_SECONDS = 15.0
"""A fail-over takes two; after a split vote the next one begins up to twice failover-timeout later."""
SHORT_OF_DOWN_AFTER = 0.6
STALL_OF_DOWN_AFTER = 2.0
"""Longer than sentinels need to agree and to promote a replica, shorter than until everyone knows of it."""
BEFORE_EVENT = 0.005
"""For the way of an event from the sentinel to here."""
BEHIND_SECONDS = 1.0
"""Far less than the ten times down-after that would keep the replica out of the election altogether."""
FORGET_SECONDS = 10.0
"""At most. A sentinel's word counts for five seconds: five times the pause after which the others ask it again."""
MIN_REPLICAS = "min-replicas-to-write"
REFUSAL = "refused: the sentinels name this node master, but it has no data"


@dataclass
class FaultContext:
    """What a fault is made on.

    Args:
        group: the servers and sentinels.
        master: the master of now.
        replicas: the others.
        topology: what was observed before.
        place: where they are.
        hands: what breaks and mends.
        tape: what is noted meanwhile.
        facts: what the fault has to show is put there.
        struck: when the decisive act began; later than the call where something is prepared first.
        mended: when it was healed, where healing is part of the fault.
    """

    group: Group
    master: Peer
    replicas: tuple[Peer, ...]
    topology: Topology
    place: StackDeployment
    hands: Hands
    tape: Tape
    facts: dict[str, str] = field(default_factory=dict)
    struck: float = 0.0
    mended: float | None = None

    @property
    def others(self) -> tuple[Peer, ...]:
        """Return everyone but the master."""
        return (*self.replicas, *self.group.sentinels.values())

    def strike(self) -> None:
        """Note that the decisive act begins now."""
        self.struck = time.monotonic()


def kill(scene: FaultContext) -> None:
    """End the master."""
    scene.strike()
    scene.hands.kill(scene.master)


def kill_with_sentinels(number: int) -> Callable[[FaultContext], None]:
    """Return what ends the master and so many sentinels, at once.

    They are those beside it, as on the same host: another one of them when the master is another.
    """

    def strike(scene: FaultContext) -> None:
        place = list(scene.group.servers).index(scene.master.name)
        sentinels = list(scene.group.sentinels.values())
        if number > 1:
            _wait_until_forgotten(scene)
        victims = (scene.master, *(sentinels[(place + further) % len(sentinels)] for further in range(number)))
        scene.strike()
        at_once(scene.hands.kill, victims)

    return strike


def pause(scene: FaultContext) -> None:
    """Freeze the master."""
    scene.strike()
    scene.hands.pause(scene.master)


def pause_for(of_down_after: float) -> Callable[[FaultContext], None]:
    """Return what freezes the master for a part or a multiple of down-after."""

    def strike(scene: FaultContext) -> None:
        pause(scene)
        time.sleep(scene.group.down_after * of_down_after)
        scene.mended = time.monotonic()
        scene.hands.mend()

    return strike


def disconnect(scene: FaultContext) -> None:
    """Take the master's network away."""
    scene.strike()
    scene.hands.disconnect(scene.master)


def partition(scene: FaultContext) -> None:
    """Cut the master off from everyone but the clients on the host."""
    scene.strike()
    cut(scene.hands, scene.master, scene.others)


def partition_unguarded(scene: FaultContext) -> None:
    """As a partition, while a master without replicas may take writes."""
    for peer in scene.group.servers.values():
        before = _min_replicas(peer)
        scene.hands.on_mend(
            f"min-replicas-to-write of {peer.name} is {before} again", partial(_set_min_replicas, peer, before)
        )
        _set_min_replicas(peer, "0")
    partition(scene)


def restart(scene: FaultContext) -> None:
    """End the master and start it again at once."""
    scene.strike()
    scene.hands.restart(scene.master)


def restart_empty(scene: FaultContext) -> None:
    """Take all files of the master, end it and start it again at once.

    Where it is back before it was replaced, it has to refuse; it must not be a master without data in any case.
    """
    since = time.time()
    scene.strike()
    scene.hands.run_inside(scene.master, "find", "/data", "-mindepth", "1", "-delete")
    scene.hands.restart(scene.master)
    _promoted(scene)
    refused = REFUSAL in scene.hands.said_since(scene.master, since)
    scene.facts["refused to be an empty master"] = "yes" if refused else "no: it was replaced before it was back"
    scene.facts["was never an empty master"] = "no" if _came_back_as_master(scene) else "yes"


def stop_everything(scene: FaultContext) -> None:
    """Stop all servers and sentinels, as `docker compose stop` does."""
    scene.strike()
    at_once(scene.hands.stop, scene.group.peers.values())


def fill_disk(scene: FaultContext) -> None:
    """Leave the master no room for its append-only file."""
    shrink_disk(scene.hands, scene.master)
    with _client(scene.master) as client:
        client.bgrewriteaof()
        scene.strike()
        # More than fits.
        client.set("optimus:drill:ballast", "x" * 100_000, ex=60)


def leave_one_behind(scene: FaultContext) -> None:
    """Cut one replica off from the master for a while, then end the master: the other replica has to win.

    The one behind is the one that wins a draw, so that only its offset speaks against it.
    """
    run_ids = {peer.name: str(_info(peer, "server")["run_id"]) for peer in scene.replicas}
    behind = min(scene.replicas, key=lambda peer: run_ids[peer.name])
    cut(scene.hands, behind, [scene.master])
    time.sleep(BEHIND_SECONDS)
    offsets = {peer: int(_info(peer, "replication")["slave_repl_offset"]) for peer in scene.replicas}
    kill(scene)
    missing = max(offsets.values()) - offsets[behind]
    scene.facts["bytes that the replica behind lacks"] = f"{missing}"
    won = _promoted(scene)
    scene.facts["the replica ahead won"] = "yes" if won and won != behind.name and missing else f"no: {won or 'nobody'}"


def coordinated_failover(scene: FaultContext) -> None:
    """Fail over as `invoke redis.failover` does.

    It looks before it acts: the fault is when the sentinel begins.
    """
    actor = FailoverExecutor(scene.place)
    steps = [step for step in plan_failover(scene.topology).steps if isinstance(step, CoordinatedFailover)]
    if len(steps) != 1:
        raise OpsError("a planned fail-over has one step that hands over")
    scene.strike()
    actor.carry_out(steps[0], Progress("hand over"))
    begun = [event.at for event in tuple(scene.tape.events) if event.channel == "+try-failover"]
    scene.struck = min((at for at in begun if at > scene.struck), default=scene.struck) - BEFORE_EVENT
    scene.facts |= {name.replace("_", " "): str(value) for name, value in actor.outcome().items()}


def _wait_until_forgotten(scene: FaultContext) -> None:
    """Wait until no sentinel counts what another one said of the master before.

    That counts for some seconds, also when the other one is gone: one left alone would stand for election by it.
    """
    deadline = time.monotonic() + FORGET_SECONDS
    while any(_remembers(peer, scene.group.master) for peer in scene.group.sentinels.values()):
        if time.monotonic() > deadline:
            raise OpsError(f"sentinels still count what others said of a dead master after {FORGET_SECONDS:.0f} s")
        time.sleep(0.1)


def _remembers(sentinel: Peer, master: str) -> bool:
    with _client(sentinel) as client:
        return any("master_down" in str(other["flags"]) for other in client.sentinel_sentinels(master))


def _came_back_as_master(scene: FaultContext) -> bool:
    """Tell whether the old master said that it is one after it had been away."""
    seen = [one.role for one in tuple(scene.tape.roles) if one.node == scene.master.name and one.at > scene.struck]
    return "" in seen and "master" in seen[seen.index("") :]


def _promoted(scene: FaultContext) -> str:
    """Wait for the sentinels to switch; return the name of the new master, "" without one."""

    def switches() -> list[str]:
        seen = [event for event in tuple(scene.tape.events) if event.at > scene.struck]
        return [event.text.split()[3] for event in seen if event.channel == "+switch-master"]

    scene.tape.wait(lambda: bool(switches()), SWITCH_SECONDS)
    return next((scene.group.hosts.get(host, host) for host in switches()), "")


STRIKES: Mapping[str, Callable[[FaultContext], None]] = {
    "kill": kill,
    "pause": pause,
    "pause-short": pause_for(SHORT_OF_DOWN_AFTER),
    "stall": pause_for(STALL_OF_DOWN_AFTER),
    "disconnect": disconnect,
    "partition": partition,
    "sentinel": kill_with_sentinels(1),
    "sentinels": kill_with_sentinels(2),
    "restart": restart,
    "empty": restart_empty,
    "stop": stop_everything,
    "disk": fill_disk,
    "slow": leave_one_behind,
    "planned": coordinated_failover,
    "control": partition_unguarded,
}


def at_once(carry_out: Callable[[Peer], None], peers: Iterable[Peer]) -> None:
    """Do something to several at the same time."""
    peers = tuple(peers)
    with ThreadPoolExecutor(len(peers)) as pool:
        for done in [pool.submit(carry_out, peer) for peer in peers]:
            done.result()


def _client(peer: Peer) -> Any:
    return open_client(Address(peer.host, peer.port), peer.login)


def _info(peer: Peer, section: str) -> dict[str, Any]:
    with _client(peer) as client:
        return dict(client.info(section))


def _min_replicas(peer: Peer) -> str:
    with _client(peer) as client:
        return str(client.config_get(MIN_REPLICAS)[MIN_REPLICAS])


def _set_min_replicas(peer: Peer, value: str) -> None:
    with _client(peer) as client:
        client.config_set(MIN_REPLICAS, value)
