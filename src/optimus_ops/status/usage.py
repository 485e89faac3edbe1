"""What one replica uses, from the engine's statistics.

Format: https://docs.docker.com/reference/api/engine/ (ContainerStats, ContainerInspect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.engine.observe import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use, and how it ended if it did.

    Args:
        cpus: cores; None without a limit.
        memory: bytes; None without a limit.
        out_of_memory: whether the kernel ended it for its memory.
        restarts: how often the engine restarted it.
    """

    cpus: float | None = None
    memory: int | None = None
    out_of_memory: bool = False
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a replica uses now.

    Args:
        cpus: cores, averaged over the time between two samples; None without two samples.
        memory: bytes, without what the kernel would give back (cached files); None if unknown.
        limits: what it may use.
    """

    cpus: float | None = None
    memory: int | None = None
    limits: Limits = Limits()


def parse_limits(raw: Mapping[str, Any]) -> Limits:
    """Read the limits out of what `GET /containers/{id}/json` answers."""
    host: Mapping[str, Any] = raw.get("HostConfig") or {}
    quota, period = int(host.get("CpuQuota") or 0), int(host.get("CpuPeriod") or 100_000)
    cpus = int(host.get("NanoCpus") or 0) / 1e9 or (quota / period if quota > 0 else 0.0)
    return Limits(
        cpus=cpus or None,
        memory=int(host.get("Memory") or 0) or None,
        out_of_memory=bool((raw.get("State") or {}).get("OOMKilled")),
        restarts=int(raw.get("RestartCount") or 0),
    )


def parse_memory(sample: Mapping[str, Any]) -> int | None:
    """Return the bytes that a container holds: usage without inactive file cache (cgroup v2, else v1)."""
    memory: Mapping[str, Any] = sample.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details: Mapping[str, Any] = memory.get("stats") or {}
    cached = details.get("inactive_file", details.get("total_inactive_file", 0))
    return max(int(memory["usage"]) - int(cached), 0)


def cpus_between(first: Mapping[str, Any], second: Mapping[str, Any]) -> float | None:
    """Return the cores used between two samples; None if they can't be compared."""
    begun, ended = (parse_time(str(sample.get("read", ""))) for sample in (first, second))
    used = _cpu_seconds(second), _cpu_seconds(first)
    if begun is None or ended is None or ended <= begun or used[0] is None or used[1] is None:
        return None
    return max(used[0] - used[1], 0.0) / (ended - begun).total_seconds()


def _cpu_seconds(sample: Mapping[str, Any]) -> float | None:
    total = ((sample.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return None if total is None else int(total) / 1e9
