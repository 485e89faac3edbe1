"""Cutting a container off from some addresses, while others still reach it: rules in its own network namespace.

The rules are made from the host (nsenter, iptables), so that the container needs no rights. They are the namespace's
own: whatever happens, they are gone when the container ends.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.errors import MachineLacks
from optimus_ops.system.process import CommandFailed, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.redis.drill.fault_injector import Hands
    from optimus_ops.redis.drill.nodes import Peer

PROGRAMS = ("nsenter", "iptables")
SECONDS = 10.0


def need_root(hands: Hands, peer: Peer, faults: Iterable[str]) -> None:
    """Make sure that the network and the files of a container are within reach.

    Raises:
        MachineLacks: they are not: naming the faults that can't be made here.
    """
    lacking = _lacking(hands.pid(peer), peer)
    if lacking:
        raise MachineLacks(
            f"these faults can't be made here: {', '.join(faults)} ({lacking})",
            "run the drill as root on the engine's own Linux host, with util-linux and iptables; or name other faults",
        )


def _lacking(pid: int, peer: Peer) -> str:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"there is no {' and no '.join(missing)}"
    if os.geteuid() != 0:
        return "they need root"
    if not Path(f"/proc/{pid}/ns/net").exists():
        return "the engine runs on another host"
    try:
        inside = run(_inside(pid, "cat", "/proc/net/fib_trie"), deadline=SECONDS).stdout
        run(_inside(pid, "iptables", "-w", "-S"), deadline=SECONDS)
    except CommandFailed as error:
        return str(error).splitlines()[-1].strip()
    return "" if peer.host in inside.split() else "the engine runs on another host"


def cut(hands: Hands, peer: Peer, others: Iterable[Peer]) -> None:
    """Let no packet pass between a container and some others, without a word to either side."""
    pid, hosts = hands.pid(peer), ",".join(other.host for other in others)
    hands.on_mend(f"connected {peer.name} with the others", lambda: _remove(pid, hosts))
    for rule in _rules(hosts):
        run(_inside(pid, "iptables", "-w", "-A", *rule), deadline=SECONDS)


def _remove(pid: int, hosts: str) -> None:
    for rule in _rules(hosts):
        # Gone already where the container ended, and the rules with it.
        run(_inside(pid, "iptables", "-w", "-D", *rule), deadline=SECONDS, check=False)


def _rules(hosts: str) -> tuple[tuple[str, ...], ...]:
    return ("INPUT", "-s", hosts, "-j", "DROP"), ("OUTPUT", "-d", hosts, "-j", "DROP")


def _inside(pid: int, *words: str) -> tuple[str, ...]:
    return "nsenter", "--target", str(pid), "--net", *words
