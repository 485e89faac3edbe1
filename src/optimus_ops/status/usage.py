"""Resource usage of replicas, from the engine's statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from optimus_ops.engine.values import Limits, Sample

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a replica uses and may use: cores, on average between two samples, and bytes; None if unknown."""

    cpus: float | None = None
    memory: int | None = None
    limits: Limits = field(default_factory=Limits)


def cpus_between(first: Sample, second: Sample) -> float | None:
    """Return the cores used between two samples; None if they can't be compared."""
    if first.at is None or second.at is None or second.at <= first.at:
        return None
    if first.cpu_seconds is None or second.cpu_seconds is None:
        return None
    return max(second.cpu_seconds - first.cpu_seconds, 0.0) / (second.at - first.at).total_seconds()


def total(usages: Sequence[Usage]) -> Usage:
    """Return the sum of what replicas use; a limit is only summed where every replica has one."""
    return Usage(
        cpus=_sum([usage.cpus for usage in usages]),
        memory=_sum([usage.memory for usage in usages]),
        limits=Limits(
            cpus=_sum_of_all([usage.limits.cpus for usage in usages]),
            memory=_sum_of_all([usage.limits.memory for usage in usages]),
            restarts=sum(usage.limits.restarts for usage in usages),
        ),
    )


def _sum(values: Sequence[Number | None]) -> Number | None:
    there = [value for value in values if value is not None]
    return sum(there[1:], there[0]) if there else None


def _sum_of_all(values: Sequence[Number | None]) -> Number | None:
    return None if None in values else _sum(values)
