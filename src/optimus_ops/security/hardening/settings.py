"""What matters of a container for its hardening, alike whether a Compose file says it or an engine shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a file or folder of the host (or a volume: `source` is then no path)."""

    source: str
    target: str
    writable: bool
    bind: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A port of the host; the address "" stands for all."""

    address: str
    port: str


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """The settings of a service's containers.

    Args:
        user: whom it runs as; "" for the image's own.
        image_user: the image's own; None where the image isn't known.
        namespaces: pid, ipc, network, uts, userns, cgroup -> mode, of those that are not the container's own.
        memory: bytes, 0 without a limit; so `pids`.
        healthcheck: None where nothing is said, which leaves the image's.
        ends: whether it is a job that ends by itself.
        restarts: how often the engine started it again.
    """

    service: str
    image: str = ""
    user: str = ""
    image_user: str | None = None
    cap_drop: frozenset[str] = frozenset()
    cap_add: frozenset[str] = frozenset()
    read_only: bool = False
    security_opt: tuple[str, ...] = ()
    privileged: bool = False
    namespaces: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    published: tuple[Published, ...] = ()
    networks: frozenset[str] = frozenset()
    memory: int = 0
    pids: int = 0
    healthcheck: bool | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    ends: bool = False
    restarts: int = 0
    builds: bool = False

    @property
    def no_new_privileges(self) -> bool:
        """Whether programs can't gain privileges, as by a set-user-id bit."""
        return any(
            option in {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"}
            for option in self.security_opt
        )

    @property
    def effective_user(self) -> str | None:
        """Whom it runs as; None where only the image says it, and that isn't here."""
        return self.user or self.image_user
