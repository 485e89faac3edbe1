"""Network partition: dropping packets between a container and some addresses, while others still reach it.

The iptables rules are set from the host (nsenter) in the container's network namespace, so that it needs no privileges
and the rules end with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.nodes import RedisNode
from optimus_ops.system.process import CommandFailed, Completed, run

PROGRAMS = ("nsenter", "iptables")
SECONDS = 10.0


def check_root(injector: FaultInjector, node: RedisNode, faults: Iterable[str]) -> None:
    """Check that the network namespace and the files of a container can be reached.

    Raises:
        MachineLacks: they can't; the message names the faults.
    """
    missing = _missing(injector.engine.pid(node.container), node)
    if missing:
        raise MachineLacks(
            f"these faults can't be made here: {', '.join(faults)} ({missing})",
            "run the drill as root on the engine's own Linux host, with util-linux and iptables; or name other faults",
        )


def _missing(pid: int, node: RedisNode) -> str:
    programs = [name for name in PROGRAMS if shutil.which(name) is None]
    if programs:
        return f"there is no {' and no '.join(programs)}"
    if os.geteuid() != 0:
        return "they need root"
    if not Path(f"/proc/{pid}/ns/net").exists():
        return "the engine runs on another host"
    try:
        addresses = _run_inside(pid, "cat", "/proc/net/fib_trie").stdout.split()
        _run_inside(pid, "iptables", "-w", "-S")
    except CommandFailed as error:
        return str(error).splitlines()[-1].strip()
    return "" if node.host in addresses else "the engine runs on another host"


def partition(injector: FaultInjector, node: RedisNode, others: Iterable[RedisNode]) -> None:
    """Drop all packets between a container and some others, without a notice to either side."""
    pid, hosts = injector.engine.pid(node.container), ",".join(other.host for other in others)
    rules = ("INPUT", "-s", hosts, "-j", "DROP"), ("OUTPUT", "-d", hosts, "-j", "DROP")

    def remove() -> None:
        for rule in rules:
            # It is missing where the container ended, and its namespace with it.
            _run_inside(pid, "iptables", "-w", "-D", *rule, check=False)
        if any(_run_inside(pid, "iptables", "-w", "-C", *rule, check=False).code == 0 for rule in rules):
            raise OpsError(f"{node.name} is still cut off from {hosts}: iptables removes no rule")

    injector.cleanups.push(f"connected {node.name} with the others", remove)
    for rule in rules:
        _run_inside(pid, "iptables", "-w", "-A", *rule)


def _run_inside(pid: int, *command: str, check: bool = True) -> Completed:
    return run(("nsenter", "--target", str(pid), "--net", *command), deadline=SECONDS, check=check)
