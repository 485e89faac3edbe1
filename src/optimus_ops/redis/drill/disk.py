"""Filling the disk of a server's append-only file, and no other disk.

A small file system in memory is mounted over the folder of the file, in the container's own mount namespace, and the
server is told to begin a new file (BGREWRITEAOF): it begins it there, and the next writes fill it. When the container
is started again the mount is gone, and under it is the folder as it was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from optimus_ops.system.process import run

if TYPE_CHECKING:
    from optimus_ops.redis.drill.fault_injector import Hands
    from optimus_ops.redis.drill.nodes import Peer

SIZE = "64k"
FOLDER = "/data/appendonlydir"
SECONDS = 10.0
# A process of its own: who enters a mount namespace must have one thread only.
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


def shrink_disk(hands: Hands, peer: Peer) -> None:
    """Put a folder with next to no room over that of the append-only file; mended by starting the container again."""
    hands.on_mend(f"started {peer.name} again, on its own disk", lambda: _start_again(hands, peer))
    run((sys.executable, "-c", MOUNT, str(hands.pid(peer)), FOLDER, SIZE), deadline=SECONDS)


def _start_again(hands: Hands, peer: Peer) -> None:
    hands.stop_for_good(peer)
    hands.start(peer)
