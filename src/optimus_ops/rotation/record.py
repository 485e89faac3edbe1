"""The record of a rotation: how far it is, without its values."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from optimus_ops.errors import Refused
from optimus_ops.rotation.model import Phase
from optimus_ops.system.wait import Clock

VERSION = 1
ID = re.compile(r"rot-[0-9a-f]{12}")


class RotationClock(Clock, Protocol):
    """Seconds since the machine started, which no setting of the clock changes; which start that was; and the date."""

    def boot(self) -> str:
        """Return an id of the machine's start."""

    def wall(self) -> float:
        """Return the date in seconds since the epoch: it is only shown, nothing is decided by it."""


@dataclass(frozen=True, slots=True)
class Record:
    """How far a rotation is.

    Args:
        rotator: as `@rotator=NAME` called it when the rotation began.
        member: which member of a pool of keys is replaced, from 0; None where the secret is one value.
        back: it is being rolled back, and no more goes forward.
        committed: the old value is being disabled: it only goes forward.
        began: when it began, in seconds since the epoch.
        grace: seconds for which both values stay valid after all replicas have the new one.
        waited: seconds of it that had passed by `noted`.
        since: when the old value became the current one, in seconds since the epoch; None if that isn't known.
        origin: how it did; "" likewise.
        noted: when that was, in seconds since the machine's start `boot`; None before the grace begins.
    """

    rotation: str
    key: str
    rotator: str
    began: float
    grace: float
    phase: Phase = Phase.INTENT
    member: int | None = None
    back: bool = False
    committed: bool = False
    waited: float = 0.0
    noted: float | None = None
    boot: str = ""
    since: float | None = None
    origin: str = ""

    @property
    def name(self) -> str:
        """The key as people read it, with the member of a pool."""
        return name_of(self.key, self.member)

    def in_grace(self, clock: RotationClock) -> Record:
        """Return the record with the seconds of grace that have passed until now.

        Time is never taken from a clock that can be set. Where the machine was started anew, only what is known to have
        passed counts: until it was last noted, and since the new start.
        """
        now, boot = clock.monotonic(), clock.boot()
        if self.noted is None:
            return replace(self, noted=now, boot=boot)
        same = boot == self.boot and now >= self.noted
        return replace(self, waited=self.waited + (now - self.noted if same else now), noted=now, boot=boot)

    def left(self, clock: RotationClock) -> float:
        """Return the seconds of grace that are left; all of them before it begins."""
        return max(self.grace - self.in_grace(clock).waited, 0.0)

    def as_text(self) -> str:
        """Return it as it is kept."""
        return json.dumps({"version": VERSION, **asdict(self), "phase": self.phase.value}, indent=1)


def name_of(key: str, member: int | None) -> str:
    """Return a key as people read it, with the member of a pool counted from 1."""
    return key if member is None else f"{key} (member {member + 1})"


def parse_record(text: str, place: str) -> Record:
    """Read a record.

    Raises:
        Refused: it is damaged, or a later version of this library wrote it.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("version") != VERSION:
            raise Refused(f"{place} is of another version of Optimus Ops", "go on with the version that began it")
        record = Record(**{**document, "phase": Phase(document["phase"])})
        if not ID.fullmatch(record.rotation):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refused(f"{place} is damaged", "both values of its key are in the folder beside it") from None
    return record
