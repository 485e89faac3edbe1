"""The steps that a plan is made of: small frozen values, each with its cause."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """One thing to do. `cause` says why ("ai-engine: 1 running, 3 wanted")."""

    kind: ClassVar[str] = ""
    cause: str

    @property
    @abstractmethod
    def text(self) -> str:
        """Return what is done, in a few words."""

    def as_json(self) -> dict[str, Any]:
        """Return the step as a JSON object: its kind, its text, its cause and its own fields."""
        own = asdict(self)
        del own["cause"]
        return {"step": self.kind, "text": self.text, "cause": self.cause, **own}


def _counted(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(name if count == 1 else f"{name}={count}" for name, count in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSecrets(Step):
    """Make `.env.secrets` complete and project it into the folders that containers mount."""

    kind: ClassVar[str] = "secrets"
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"write secrets ({len(self.names)} generated)" if self.names else "write secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeBases(Step):
    """Make stand-ins for public images where no registry answers."""

    kind: ClassVar[str] = "bases"
    images: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"make stand-ins for {', '.join(self.images)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull(Step):
    """Pull public images."""

    kind: ClassVar[str] = "pull"
    services: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"pull the images of {', '.join(self.services)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(Step):
    """Build the images of services."""

    kind: ClassVar[str] = "build"
    services: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"build {', '.join(self.services)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Step):
    """Create and start replicas until each service has its count; what runs is left alone.

    Args:
        counts: service -> replicas.
        replace: whether containers that ended, and whose configuration is another one by now, are made anew. Only for
            services of which nothing runs.
    """

    kind: ClassVar[str] = "start"
    counts: tuple[tuple[str, int], ...]
    replace: bool = False

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"start {_counted(self.counts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitHealthy(Step):
    """Wait until each service has its count of healthy replicas; one that ends or is unhealthy fails the step."""

    kind: ClassVar[str] = "wait-healthy"
    counts: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"wait until healthy: {_counted(self.counts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate(Step):
    """Run the migrations job once, to its end."""

    kind: ClassVar[str] = "migrate"
    service: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"run {self.service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRouting(Step):
    """Prove through the balancer that every replica answers and that none that is gone is asked.

    Args:
        counts: service -> replicas.
        settle: seconds for which everything has to stay right; longer than the balancer remembers an address, where
            replicas were removed.
    """

    kind: ClassVar[str] = "verify"
    counts: tuple[tuple[str, int], ...]
    settle: float = 0.0

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return "verify routing to " + ", ".join(f"{name}={count}" for name, count in self.counts)


@dataclass(frozen=True, slots=True)
class Victim:
    """A container that goes.

    Args:
        name: the container's name.
        container: its id.
    """

    name: str
    container: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Step):
    """Stop replicas, all at once: each drains upon SIGTERM, and is killed after the grace period.

    Args:
        victims: the containers.
        seconds: grace between SIGTERM and SIGKILL.
    """

    kind: ClassVar[str] = "stop"
    victims: tuple[Victim, ...]
    seconds: float

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"drain and stop {', '.join(victim.name for victim in self.victims)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Step):
    """Remove containers."""

    kind: ClassVar[str] = "remove"
    victims: tuple[Victim, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"remove {', '.join(victim.name for victim in self.victims)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveNetwork(Step):
    """Remove a network of the project."""

    kind: ClassVar[str] = "remove-network"
    network: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"remove network {self.network}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order. Empty: there is nothing to do."""

    project: str
    purpose: str
    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.steps)
