"""Values that an engine returns besides containers, which are in `model.state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine's host: its id is its digest, its size in bytes.

    `digests` are those under which registries know it; `created` is written as by the engine (RFC 3339); `user` is whom
    its containers run as, "" for root.
    """

    id: str
    names: tuple[str, ...] = ()
    digests: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    created: str = ""
    tagged_at: datetime | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a container (cores, bytes; None without one), and how it ended if it did.

    `out_of_memory`: the kernel ended it for its memory; `restarts` counts those by the engine.
    """

    cpus: float | None = None
    memory: int | None = None
    out_of_memory: bool = False
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a container's statistics: CPU seconds since its start, and bytes of memory in use.

    What the kernel would give back (cached files) is not counted.
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
