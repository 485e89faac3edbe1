"""One change at a time: a lock per project, with an owner, a reason and an expiry.

The lock is `flock(2)` on a file: the kernel lets go of it when its owner ends, however that happens, so that no dead
owner holds it. What is written in the file only tells others whom they wait for and how long that may take: the expiry
takes the lock from nobody, since an owner that still works would then have a second one beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from optimus_ops.change.owner import LONGEST_REASON, Owner, parse_owner
from optimus_ops.errors import Refused
from optimus_ops.system.clock import boot_id, boot_seconds

POLL_SECONDS = 0.2
# Also for the owner's group: its members share the stack. What stands in the file is no secret.
MODE = 0o660


class LockHeld(Refused):
    """Another owner holds the lock."""


@dataclass
class Lock:
    """A lock that is held."""

    owner: Owner
    _descriptor: int

    @classmethod
    def taken(cls, descriptor: int, reason: str) -> Lock:
        """Return the lock that this process has just taken, and tell others."""
        lock = cls(Owner.this_process(reason), descriptor)
        lock._publish()
        return lock

    def expect(self, seconds: float, reason: str | None = None) -> None:
        """Tell others how many seconds it may take from now on at most, and better what for if that is known now."""
        reason = self.owner.reason if reason is None else reason[:LONGEST_REASON]
        self.owner = replace(self.owner, reason=reason, until=boot_seconds() + seconds)
        self._publish()

    def _publish(self) -> None:
        # Others are told less if the disk is full, but the lock is held all the same.
        with contextlib.suppress(OSError):
            line = self.owner.as_bytes()
            os.pwrite(self._descriptor, line, 0)
            os.ftruncate(self._descriptor, len(line))


@contextlib.contextmanager
def stack_lock(
    folder: Path, project: str, reason: str, *, wait: float = 0.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[Lock]:
    """Hold a project's lock.

    It is waited for `wait` seconds, and about once a second `on_wait` is called with what is waited for.

    Raises:
        LockHeld: another owner holds it (still, after `wait`).
        Refused: its file can't be opened.
    """
    path = folder / f"{project}.lock"
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, wait, on_wait)
        try:
            yield Lock.taken(descriptor, reason)
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    except OSError as error:
        raise _cannot(path, error) from error
    # The umask has usually taken the group's right away; only the file's own user may give it back.
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, MODE)
    return descriptor


def _acquire(descriptor: int, path: Path, wait: float, on_wait: Callable[[str], None] | None) -> None:
    until = time.monotonic() + wait
    reported = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, hint = _holder(descriptor)
            if time.monotonic() >= until:
                raise LockHeld(f"{path.stem} is locked by {holder}", hint) from None
            if on_wait is not None and time.monotonic() - reported >= 1.0:
                on_wait(f"waiting for {holder}")
                reported = time.monotonic()
            time.sleep(POLL_SECONDS)
        except OSError as error:
            raise _cannot(path, error) from error
        else:
            return


def _holder(descriptor: int) -> tuple[str, str]:
    """Return who holds the lock, and what to do about it."""
    owner = parse_owner(os.pread(descriptor, 8192, 0))
    if owner is None:
        return "another process", "wait for it with --lock-wait SECONDS"
    boot, now = boot_id(), boot_seconds()
    return owner.text(boot, now), owner.hint(boot, now)


def _cannot(path: Path, error: OSError) -> Refused:
    blocking = Path(error.filename or path)
    return Refused(
        f"the lock {path} can't be used: {error.strerror} ({_owned_by(blocking)})",
        f"be its user, or let your group in: chmod g+rwX {blocking}; or have a state of your own: OPTIMUS_STATE_DIR",
    )


def _owned_by(path: Path) -> str:
    """Tell whose the nearest thing on the way to a path is that can be looked at."""
    for there in (path, *path.parents):
        with contextlib.suppress(OSError, KeyError):
            return f"{there} belongs to {there.owner()}"
    return str(path)
