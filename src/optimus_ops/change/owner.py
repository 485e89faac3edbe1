"""Who holds a lock, what for and until when: what its file says, and how others are told."""

from __future__ import annotations

import getpass
import json
import os
import platform
from dataclasses import asdict, dataclass, fields
from typing import Any

from optimus_ops.system.clock import boot_id, boot_seconds, iso_now

LONGEST_REASON = 400
LONGEST_WAIT = 86_400
"""Seconds; what `--lock-wait` takes at most."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a lock.

    Args:
        boot: which start of the machine the next two count from (`clock.boot_id`).
        taken: when it was taken, in seconds since that start.
        until: when the owner says it will be done at the latest, likewise; None if it has not said.
    """

    user: str
    host: str
    pid: int
    reason: str
    since: str
    boot: str
    taken: float
    until: float | None = None

    @classmethod
    def this_process(cls, reason: str) -> Owner:
        """Return this process as an owner from now on."""
        return cls(
            user=user_name(),
            host=platform.node(),
            pid=os.getpid(),
            reason=reason[:LONGEST_REASON],
            since=iso_now(),
            boot=boot_id(),
            taken=boot_seconds(),
        )

    def as_bytes(self) -> bytes:
        """Return the owner as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    def remaining(self, boot: str, now: float) -> float | None:
        """Return the seconds that the owner may still take, negative if it is overdue; None if that is not known.

        After another start of the machine than `boot` the owner's times mean nothing.
        """
        return self.until - now if self.until is not None and self.boot == boot and boot else None

    def text(self, boot: str, now: float) -> str:
        """Return in one line who holds the lock, since when, what for, and until when."""
        since = f"for {max(now - self.taken, 0):.0f} s" if self.boot == boot and boot else f"since {self.since}"
        remaining = self.remaining(boot, now)
        if remaining is None:
            end = ""
        elif remaining >= 0:
            end = f"; it may take {remaining:.0f} s more"
        else:
            end = f"; it is overdue by {-remaining:.0f} s"
        return f"{self.user}@{self.host} (process {self.pid}) {since}: {self.reason}{end}"

    def hint(self, boot: str, now: float) -> str:
        """Return what to do about it."""
        remaining = self.remaining(boot, now)
        if remaining is None:
            return "wait for it with --lock-wait SECONDS"
        if remaining >= 0:
            return f"wait for it with --lock-wait {min(remaining + 1, LONGEST_WAIT):.0f}"
        here = "" if self.host == platform.node() else f" on {self.host}"
        return f"see how far it is: invoke history; end it{here}, and it undoes what it did: kill -INT {self.pid}"


def parse_owner(raw: bytes) -> Owner | None:
    """Return the owner that a lock's file names; None if it names none, or in no way that is understood."""
    try:
        facts: Any = json.loads(raw.partition(b"\n")[0])
        owner = Owner(**{field.name: facts[field.name] for field in fields(Owner)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = (owner.pid, owner.taken, 0 if owner.until is None else owner.until)
    texts = (owner.user, owner.host, owner.reason, owner.since, owner.boot)
    good = all(type(number) in {int, float} for number in numbers) and all(isinstance(text, str) for text in texts)
    return owner if good else None


def user_name() -> str:
    """Return the user's name, or the number where a user has none (in a container, for example)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
