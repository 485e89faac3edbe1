"""The time for which both values stay valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep, time

from optimus_ops.rotation.record import Record, RotationClock
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.system.clock import boot_id, boot_seconds
from optimus_ops.text.console import Progress

POLL_SECONDS = 1.0
LINGER_SECONDS = 60.0
"""For which uses of the old value after the grace are waited for."""


@dataclass(frozen=True, slots=True)
class SystemRotationClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Return the seconds since the machine started."""
        return boot_seconds()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        sleep(seconds)

    def boot(self) -> str:
        """Return an id of the machine's start."""
        return boot_id()

    def wall(self) -> float:
        """Return the date."""
        return time()


def wait_grace(
    record: Record,
    old_uses: Callable[[], str],
    save: Callable[[Record], None],
    clock: RotationClock,
    progress: Progress,
) -> Record | None:
    """Wait until the grace is over and nothing uses the old value; return the record as it is then.

    Where something still uses it a minute later, that is a complaint, and None: both values stay valid.
    """
    record = record.in_grace(clock)
    save(record)
    until = clock.monotonic() + record.left(clock) + LINGER_SECONDS
    while True:
        left = record.left(clock)
        uses = _uses(old_uses) if left <= 0 else ""
        if left <= 0 and not uses:
            progress.note = "it is over, and no use of the old one is known"
            return record.in_grace(clock)
        if clock.monotonic() >= until:
            break
        progress.note = f"{left:.0f} s left" if left > 0 else f"still in use: {uses}"
        clock.sleep(min(left, POLL_SECONDS) if left > 0 else POLL_SECONDS)
    save(record.in_grace(clock))
    progress.complaints.append(
        f"{record.name}: both values stay valid, since the old one is still in use: {uses}; then:"
        " invoke secrets.rotate --resume (--force: disable it all the same)"
    )
    return None


def _uses(old_uses: Callable[[], str]) -> str:
    try:
        return old_uses()
    except TargetFailed as error:
        return f"not known ({error.message})"
