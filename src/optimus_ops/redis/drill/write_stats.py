"""Statistics of writes: counts by outcome, errors by type, losses, duplicates, outages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optimus_ops.redis.drill.record import WRITE_OUTCOMES, Write, WriteOutcome


@dataclass(frozen=True, slots=True)
class WriteStats:
    """Statistics of the writes of one kind."""

    counts: Mapping[WriteOutcome, int]
    errors: Mapping[str, int]
    lost: int  # acknowledged, and not found afterwards
    lost_after_fault: int  # those that the replaced master acknowledged after the fault
    last_lost_after_fault: float | None  # seconds from the fault to the last of these
    duplicates: int  # stored more than once
    slowest: float | None  # seconds that the slowest acknowledged write took
    false_rejections: int  # rejected, and stored nevertheless: the drill itself would be wrong

    @property
    def acknowledged(self) -> int:
        """Acknowledged writes."""
        return self.counts["acknowledged"]

    @property
    def failed(self) -> int:
        """Writes that were not acknowledged."""
        return sum(self.counts.values()) - self.acknowledged


def write_stats(writes: Iterable[Write], present: Mapping[str, int], *, master: str, injected_at: float) -> WriteStats:
    """Count what happened to the writes of a kind, with the initial master's name; see `Recording`."""
    found = [(write, present.get(write.id, 0)) for write in writes]
    lost = [write for write, times in found if write.acknowledged and not times]
    late = [write.ended - injected_at for write in lost if write.node == master and write.ended >= injected_at]
    counts = Counter(write.outcome for write, _times in found)
    return WriteStats(
        counts={outcome: counts[outcome] for outcome in WRITE_OUTCOMES},
        errors=dict(Counter(write.error for write, _times in found if write.error).most_common()),
        lost=len(lost),
        lost_after_fault=len(late),
        last_lost_after_fault=max(late, default=None),
        duplicates=sum(times > 1 for _write, times in found),
        slowest=max((write.ended - write.began for write, _times in found if write.acknowledged), default=None),
        false_rejections=sum(times > 0 for write, times in found if write.outcome == "rejected"),
    )


def outage(writes: Iterable[Write], injected_at: float, until: float) -> float | None:
    """Return the longest time without an acknowledgement after the fault, in seconds; None if there was none after it.

    It begins with an acknowledgement (which may be older than the fault) and ends with the next one, or with the run.
    """
    acknowledged = sorted(write.ended for write in writes if write.acknowledged and write.ended <= until)
    before = [at for at in acknowledged if at <= injected_at]
    after = [at for at in acknowledged if at > injected_at]
    if not after:
        return None
    return max(later - earlier for earlier, later in pairwise([before[-1] if before else injected_at, *after, until]))


def per_slot(writes: Sequence[Write], began: float, ended: float, width: float = 0.1) -> tuple[tuple[int, int], ...]:
    """Return for each slot of `width` seconds how many writes were acknowledged in it, and how many were not."""
    slots = [[0, 0] for _ in range(max(int((ended - began) / width) + 1, 1))]
    for write in writes:
        number = int((write.ended - began) / width)
        if 0 <= number < len(slots) and write.ended >= began:
            slots[number][0 if write.acknowledged else 1] += 1
    return tuple((good, bad) for good, bad in slots)
