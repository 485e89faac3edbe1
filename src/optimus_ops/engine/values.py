"""Values that an engine returns besides containers, which are in `model.state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine's host.

    Args:
        id: its digest.
        names: its names with tags.
        digests: those under which registries know it.
        labels: its labels.
        size: bytes.
        created: when it was made, as the engine writes it (RFC 3339).
        tagged_at: when it was last given a name.
    """

    id: str
    names: tuple[str, ...] = ()
    digests: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    created: str = ""
    tagged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a container, and how it ended if it did.

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
class Sample:
    """One sample of a container's statistics.

    Args:
        at: when it was taken.
        cpu_seconds: CPU time used since the container started.
        memory: bytes in use, without what the kernel would give back (cached files).
    """

    at: datetime | None = None
    cpu_seconds: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerStart:
    """An event: a container of a service started; `time` is in whole seconds since 1970."""

    container: str
    name: str
    service: str
    time: int
