"""How each fault is injected."""

from __future__ import annotations

import time
from typing import Any

from optimus_ops.errors import OpsError
from optimus_ops.redis.data_files import read_data_files
from optimus_ops.redis.drill.fault_context import FaultContext
from optimus_ops.redis.drill.group import RedisNode
from optimus_ops.redis.drill.namespaces import partition, shrink_disk
from optimus_ops.redis.drill.record import Fact
from optimus_ops.system.wait import wait_until

SHORTER_THAN_DOWN_AFTER = 0.6
LONGER_THAN_DOWN_AFTER = 2.0
"""Longer than sentinels need to agree and to promote a replica, shorter than until everyone knows of it."""
EXEC_SECONDS = 30.0
BEHIND_SECONDS = 1.0
"""Far less than the ten times down-after that would keep the replica out of the election altogether."""
FORGET_SECONDS = 10.0
"""At most. A sentinel's opinion counts for five seconds: five times the interval after which it is asked again."""
REFUSAL = "refused: "
"""What a node logs, first in a line, whose start script keeps it from taking a role."""


def kill_with_sentinels(context: FaultContext, *, count: int) -> None:
    """Kill the master and so many sentinels at once: those beside it, as on the same host."""
    position = list(context.group.servers).index(context.master.name)
    sentinels = list(context.group.sentinels.values())
    if count > 1:
        _wait_until_forgotten(context)
    beside = (sentinels[(position + number) % len(sentinels)] for number in range(count))
    context.inject(context.injector.kill, context.master, *beside)


def pause_for(context: FaultContext, *, of_down_after: float) -> None:
    """Freeze the master for a fraction or a multiple of down-after."""
    context.inject(context.injector.pause)
    time.sleep(context.group.down_after * of_down_after)
    context.healed_at = time.monotonic()
    context.injector.heal()


def cut_off(context: FaultContext) -> None:
    """Partition the master from everyone but the clients on the host."""
    context.inject(lambda master: partition(context.injector, master, context.others))


def restart_empty(context: FaultContext) -> None:
    """Delete all files of the master, kill it and start it again at once.

    If it is back before it was replaced, it has to refuse; in no case may it be a master without data.
    """
    with context.master.client() as client:
        folder = read_data_files(client).folder

    def delete_and_restart(master: RedisNode) -> None:
        delete = ("find", folder, "-mindepth", "1", "-delete")
        context.injector.engine.exec(master.container, delete, seconds=EXEC_SECONDS)
        context.injector.restart(master)

    since = time.time()
    context.inject(delete_and_restart)
    context.wait_for_switch()
    log = context.injector.engine.logs(context.master.container, tail=None, since=int(since))
    refused = any(REFUSAL in line for line in log)
    detail = "" if refused else "it was replaced before it was back"
    context.facts["refused to be an empty master"] = Fact(detail, holds=refused)
    context.facts["was never an empty master"] = Fact(holds=not _came_back_as_master(context))


def fill_disk(context: FaultContext) -> None:
    """Leave the master no room for its append-only file."""
    shrink_disk(context.injector, context.master)
    with context.master.client() as client:
        client.bgrewriteaof()
        # More than fits.
        context.inject(lambda _master: client.set("optimus:drill:ballast", "x" * 100_000, ex=60))


def leave_one_behind(context: FaultContext) -> None:
    """Cut one replica off from the master for a while, then kill the master: the other replica has to win.

    The one behind is the one that wins a draw, so that only its offset speaks against it.
    """
    run_ids = {node.name: str(_info(node, "server")["run_id"]) for node in context.replicas}
    behind = min(context.replicas, key=lambda node: run_ids[node.name])
    partition(context.injector, behind, [context.master])
    time.sleep(BEHIND_SECONDS)
    offsets = {node.name: int(_info(node, "replication")["slave_repl_offset"]) for node in context.replicas}
    context.inject(context.injector.kill)
    missing = max(offsets.values()) - offsets[behind.name]
    context.facts["bytes that the replica behind lacks"] = Fact(f"{missing}")
    won = context.wait_for_switch()
    ahead = bool(won and won != behind.name and missing)
    context.facts["the replica ahead won"] = Fact("" if ahead else won or "nobody", holds=ahead)


def _wait_until_forgotten(context: FaultContext) -> None:
    """Wait until no sentinel counts what another one reported of the master before.

    A report counts for some seconds, also when its sentinel is gone: one left alone would stand for election by it.
    """

    def forgotten() -> bool:
        for sentinel in context.group.sentinels.values():
            with sentinel.client() as client:
                others = client.sentinel_sentinels(context.group.master)
            if any("master_down" in str(other["flags"]) for other in others):
                return False
        return True

    if not wait_until(forgotten, FORGET_SECONDS):
        raise OpsError(f"sentinels still count reports of a dead master after {FORGET_SECONDS:.0f} s")


def _came_back_as_master(context: FaultContext) -> bool:
    """Tell whether the old master reported that it is one after it had been away."""
    changes = [change for change in tuple(context.recorder.roles) if change.node == context.master.name]
    roles = [change.role for change in changes if change.at > context.injected_at]
    return "" in roles and "master" in roles[roles.index("") :]


def _info(node: RedisNode, section: str) -> dict[str, Any]:
    with node.client() as client:
        return dict(client.info(section))
