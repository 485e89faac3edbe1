"""Faults that are made from the host in a container's namespaces, so that it needs no privileges: they end with it.

Partition: iptables rules in the network namespace (nsenter) drop packets between the container and some addresses,
while others still reach it.

Full disk of a server's append-only file, and of nothing else: a small tmpfs is mounted over the folder of the file, in
the mount namespace, and the server is asked to begin a new file (BGREWRITEAOF): it is created there, and the next
writes fill it. A restart of the container uncovers the folder as it was.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.redis.data_files import read_data_files
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import RedisNode
from optimus_ops.system.process import CommandFailed, Completed, run

PROGRAMS = ("nsenter", "iptables")
SECONDS = 10.0
DISK_SIZE = "64k"
# A process of its own: only one with a single thread may enter a mount namespace.
MOUNT = """
import ctypes, os, sys
pid, path, size = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result:
        sys.exit(os.strerror(ctypes.get_errno()))
CLONE_NEWNS = 0x20000
check(libc.setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), CLONE_NEWNS))
owner = os.stat(path)
options = f"size={size},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
check(libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, options.encode()))
"""


def check_root(injector: FaultInjector, node: RedisNode, faults: Iterable[str]) -> None:
    """Raise `MissingPrerequisite`, naming the faults, where the namespaces of a container can't be reached."""
    if missing := _missing(injector.engine.pid(node.container), node):
        raise MissingPrerequisite(
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


def has_fault(pid: int, volumes: Iterable[str]) -> bool:
    """Tell whether a process has rules that drop packets, or a tmpfs over a folder of a volume."""
    if "-j DROP" in _run_inside(pid, "iptables", "-w", "-S", check=False).stdout:
        return True
    # ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS … - TYPE …: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    mounts = (line.partition(" - ") for line in Path(f"/proc/{pid}/mountinfo").read_text("utf-8").splitlines())
    covered = [left.split()[4] for left, _dash, right in mounts if right.startswith("tmpfs ")]
    return any(point.startswith(f"{volume}/") for point in covered for volume in volumes)


def shrink_disk(injector: FaultInjector, node: RedisNode) -> None:
    """Cover the folder of the append-only file with a tiny file system; a restart of the container removes it."""

    def restart() -> None:
        injector.engine.kill(node.container)
        injector.start(node)

    injector.cleanups.push(f"started {node.name} again, on its own disk", restart)
    with node.client() as client:
        files = read_data_files(client)
    pid, folder = injector.engine.pid(node.container), f"{files.folder}/{files.aof_folder}"
    run((sys.executable, "-c", MOUNT, str(pid), folder, DISK_SIZE), deadline=SECONDS)
