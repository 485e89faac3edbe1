"""What became of the writes: counts by outcome, errors by type, losses, duplicates, doomed acknowledgements."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.record import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.redis.drill.record import Outcome, Write


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the writes of one kind.

    Args:
        counts: outcome -> how many.
        errors: error -> how many.
        lost: acknowledged, and not there afterwards.
        doomed: those of the lost that the replaced master acknowledged after the fault.
        last_doomed: seconds after the fault of the last of these; None without any.
        duplicates: how many writes are there more than once.
        slowest: seconds that the slowest of the acknowledged took; None without any.
        false_rejections: rejected, and there nevertheless: the drill itself would be wrong.
    """

    counts: Mapping[Outcome, int]
    errors: Mapping[str, int]
    lost: int
    doomed: int
    last_doomed: float | None
    duplicates: int
    slowest: float | None
    false_rejections: int


def account(writes: Iterable[Write], present: Mapping[str, int], *, master: str, struck: float) -> Account:
    """Count what became of writes.

    Args:
        writes: of one kind.
        present: id -> how many times it was there afterwards.
        master: name of the server that was master before the fault.
        struck: when the fault was made.
    """
    writes = tuple(writes)
    found = [present.get(write.id, 0) for write in writes]
    lost = [write for write, times in zip(writes, found, strict=True) if write.acknowledged and not times]
    doomed = [write.ended - struck for write in lost if write.node == master and write.ended >= struck]
    counts = Counter(write.outcome for write in writes)
    return Account(
        counts={outcome: counts[outcome] for outcome in OUTCOMES},
        errors=dict(Counter(write.error for write in writes if write.error).most_common()),
        lost=len(lost),
        doomed=len(doomed),
        last_doomed=max(doomed, default=None),
        duplicates=sum(times > 1 for times in found),
        slowest=max((write.ended - write.began for write in writes if write.acknowledged), default=None),
        false_rejections=sum(
            times > 0 for write, times in zip(writes, found, strict=True) if write.outcome == "rejected"
        ),
    )


def outage(writes: Iterable[Write], struck: float, until: float) -> float | None:
    """Return the longest time without an acknowledgement after the fault, in seconds.

    It begins with an acknowledgement (which may be older than the fault) and ends with the next one, or with the run.

    Args:
        writes: of one kind.
        struck: when the fault was made.
        until: when the topology was whole again.

    Returns:
        None if nothing was acknowledged after the fault.
    """
    acknowledged = sorted(write.ended for write in writes if write.acknowledged and write.ended <= until)
    before = [at for at in acknowledged if at <= struck]
    after = [at for at in acknowledged if at > struck]
    if not after:
        return None
    return max(gaps([before[-1] if before else struck, *after, until]))


def gaps(times: Sequence[float]) -> list[float]:
    """Return the differences between neighbours; at least two times are needed."""
    return [later - earlier for earlier, later in pairwise(times)]


def per_slot(writes: Iterable[Write], began: float, ended: float, width: float = 0.1) -> tuple[tuple[int, int], ...]:
    """Return for each slot of time how many writes were acknowledged in it, and how many were not.

    Args:
        writes: any.
        began: where the first slot begins.
        ended: what comes later is left out.
        width: of a slot, in seconds.
    """
    slots = [[0, 0] for _ in range(max(int((ended - began) / width) + 1, 1))]
    for write in writes:
        number = int((write.ended - began) / width)
        if 0 <= number < len(slots) and write.ended >= began:
            slots[number][0 if write.acknowledged else 1] += 1
    return tuple((good, bad) for good, bad in slots)
