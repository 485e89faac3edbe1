"""One change at a time: a lock per project, with an owner and a reason.

The lock is `flock(2)` on a file: the kernel lets go of it when its owner ends, however that happens, so that no dead
owner holds it. What is written in the file only tells others whom they wait for.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import platform
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL_SECONDS = 0.2


@contextlib.contextmanager
def stack_lock(
    folder: Path, project: str, reason: str, *, wait: float = 0.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a project's lock.

    Args:
        folder: where the lock files are.
        project: the Compose project.
        reason: what the lock is held for; others see it.
        wait: seconds to wait for it.
        on_wait: called about once a second with what is waited for.

    Raises:
        Refused: another owner holds it (still, after `wait`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{project}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _acquire(descriptor, project, wait, on_wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(_owner(reason)).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, project: str, wait: float, on_wait: Callable[[str], None] | None) -> None:
    until = time.monotonic() + wait
    told = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if time.monotonic() >= until:
                raise Refused(f"{project} is locked by {holder}", "wait for it with --lock-wait SECONDS") from None
            if on_wait is not None and time.monotonic() - told >= 1.0:
                on_wait(f"waiting for {holder}")
                told = time.monotonic()
            time.sleep(POLL_SECONDS)
        else:
            return


def _owner(reason: str) -> dict[str, str | int]:
    return {
        "user": getpass.getuser(),
        "host": platform.node(),
        "pid": os.getpid(),
        "reason": reason,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _holder(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
        return f"{owner['user']}@{owner['host']} (process {owner['pid']}) since {owner['since']}: {owner['reason']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
