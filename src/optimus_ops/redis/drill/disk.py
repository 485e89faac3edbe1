"""Full disk of a server's append-only file, and of nothing else.

A small tmpfs is mounted over the folder of the file, in the container's own mount namespace, and the server is asked
to begin a new file (BGREWRITEAOF): it is created there, and the next writes fill it. A restart of the container removes
the mount and uncovers the folder as it was.
"""

from __future__ import annotations

import sys

from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.nodes import RedisNode
from optimus_ops.system.process import run

SIZE = "64k"
FOLDER = "/data/appendonlydir"
SECONDS = 10.0
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


def shrink_disk(injector: FaultInjector, node: RedisNode) -> None:
    """Cover the folder of the append-only file with a tiny file system; a restart of the container removes it."""

    def restart() -> None:
        injector.engine.kill(node.container)
        injector.start(node)

    injector.cleanups.push(f"started {node.name} again, on its own disk", restart)
    pid = injector.engine.pid(node.container)
    run((sys.executable, "-c", MOUNT, str(pid), FOLDER, SIZE), deadline=SECONDS)
