"""The steps that a plan is made of: small frozen values, each with its cause."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from optimus_ops.model.state import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """One thing to do.

    Args:
        cause: why ("ai-engine: 1 running, 3 wanted").
        part: the part of the plan that it belongs to ("ai-engine, batch 1 of 4"); "" for none.
    """

    kind: ClassVar[str] = ""
    final: ClassVar[bool] = False
    """Whether it can't be taken back half-way: a signal that comes meanwhile waits for its end."""
    cause: str
    part: str = ""

    @property
    @abstractmethod
    def text(self) -> str:
        """Return what is done, in a few words."""

    def as_json(self) -> dict[str, Any]:
        """Return the step as a JSON object: its kind, its text, its cause and its own fields."""
        own = asdict(self)
        del own["cause"], own["part"]
        return {"step": self.kind, "text": self.text, "cause": self.cause, "part": self.part, **own}


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
    """Start containers until each service has its count running; what runs is left alone.

    Args:
        counts: service -> containers that run afterwards.
        replicas: whether these are replicas, which are made anew: containers that ended stay as they are, and don't
            count. Else (stores, the balancer) containers that ended are started again, or made anew if their
            configuration is another one by now.
        ended: ids of the containers that don't count, whatever has become of them since the plan was made: it removes
            them.
    """

    kind: ClassVar[str] = "start"
    counts: tuple[tuple[str, int], ...]
    replicas: bool = False
    ended: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"start {_counted(self.counts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitHealthy(Step):
    """Wait until each service has its count of healthy replicas; one that ends or is unhealthy fails the step.

    Args:
        counts: service -> healthy replicas.
        new: whether only those count that were started by this plan.
        required: whether the plan fails where they don't get healthy; else what waits for them starts without.
    """

    kind: ClassVar[str] = "wait-healthy"
    counts: tuple[tuple[str, int], ...]
    new: bool = False
    required: bool = True

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        how = " (new ones)" if self.new else "" if self.required else " (not required)"
        return f"wait until healthy: {_counted(self.counts)}{how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitDependency(Step):
    """Wait until services that run already have a healthy replica: what starts next depends on them.

    Args:
        services: the services.
        required: whether the plan fails where they have none in time; else what waits for them starts without.
    """

    kind: ClassVar[str] = "wait-dependency"
    services: tuple[str, ...]
    required: bool = True

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"wait for a healthy replica of {', '.join(self.services)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob(Step):
    """Run a job once, to its end, before what waits for it starts.

    Args:
        service: the job.
        required: whether the plan fails where it doesn't end with 0; else what waits for it starts without.
    """

    kind: ClassVar[str] = "run-job"
    service: str
    required: bool = True

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"run {self.service}" if self.required else f"run {self.service} (not required)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Step):
    """Restart containers in place, because what they depend on with `restart: true` was replaced.

    Args:
        service: their service.
        victims: the containers.
        seconds: grace between SIGTERM and SIGKILL.
    """

    kind: ClassVar[str] = "restart"
    service: str
    victims: tuple[ContainerRef, ...]
    seconds: float

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"restart {', '.join(victim.name for victim in self.victims)}"


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
class ContainerRef:
    """A container that goes.

    Args:
        name: the container's name.
        container: its id.
    """

    name: str
    container: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Step):
    """Let frozen containers go on: they lose nothing, and Compose can't do its work beside them."""

    kind: ClassVar[str] = "resume"
    victims: tuple[ContainerRef, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"let go on {', '.join(victim.name for victim in self.victims)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Step):
    """Stop replicas, all at once: each drains upon SIGTERM, and is killed after the grace period.

    Args:
        victims: the containers.
        seconds: grace between SIGTERM and SIGKILL.
    """

    kind: ClassVar[str] = "stop"
    victims: tuple[ContainerRef, ...]
    seconds: float

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"drain and stop {', '.join(victim.name for victim in self.victims)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Step):
    """Remove containers."""

    kind: ClassVar[str] = "remove"
    final: ClassVar[bool] = True
    victims: tuple[ContainerRef, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"remove {', '.join(victim.name for victim in self.victims)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(Step):
    """Keep the images that a service runs now, under names of their own, so that a rollback finds them.

    Args:
        service: the service.
        images: their ids.
    """

    kind: ClassVar[str] = "keep"
    service: str
    images: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"keep {self.service}'s image {', '.join(short_id(image) for image in self.images)} for a rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin(Step):
    """Let services run images, or have variables, other than those of the Compose files, from now on.

    Args:
        images: service -> image; "" goes back to what the files say.
        environment: service, variable, value.
    """

    kind: ClassVar[str] = "pin"
    images: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str, str], ...] = ()

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        images = [f"{service} to {image or 'the image of the Compose files'}" for service, image in self.images]
        variables = [f"{service} to {name}={value}" for service, name, value in self.environment]
        return f"pin {', '.join([*images, *variables])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContracts(Step):
    """Refuse a version that breaks what a running consumer uses, or that needs what no running provider offers."""

    kind: ClassVar[str] = "check-contracts"
    services: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"check the contracts of {', '.join(self.services)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMigrations(Step):
    """Refuse pending migrations that take away or lock what the running version uses.

    Args:
        service: the migrations job.
        allow_contract: whether such migrations are let through.
    """

    kind: ClassVar[str] = "check-migrations"
    service: str
    allow_contract: bool = False

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"check that {self.service} only expands the schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBudgets(Step):
    """Refuse what the database has too few connections for; where that couldn't be asked before it ran.

    Args:
        peak: service -> most replicas at once.
    """

    kind: ClassVar[str] = "check-budgets"
    peak: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return "check the budget of database connections"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe(Step):
    """Compare error rate and latency of the new replicas with those of the old ones, as the balancer sees them.

    Args:
        service: the service.
        seconds: how long.
    """

    kind: ClassVar[str] = "observe"
    service: str
    seconds: float

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"observe the new {self.service} for {self.seconds:g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConfig(Step):
    """Let the balancer test its configuration; a broken one goes no further."""

    kind: ClassVar[str] = "check-config"
    service: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"test the configuration of {self.service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload(Step):
    """Let the balancer take its new configuration, in place: no connection is cut."""

    kind: ClassVar[str] = "reload"
    service: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"reload {self.service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveNetwork(Step):
    """Remove a network of the project."""

    kind: ClassVar[str] = "remove-network"
    network: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"remove network {self.network}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveImages(Step):
    """Remove images that have no name and that nothing runs on.

    Args:
        images: their ids.
    """

    kind: ClassVar[str] = "remove-images"
    images: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"remove images {', '.join(short_id(image) for image in self.images)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order. Empty: there is nothing to do.

    Args:
        project: the stack's name.
        purpose: what it is for ("scale").
        steps: what is done.
        notes: what is not as it should be and stays so, a sentence each with what to do about it.
    """

    project: str
    purpose: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def noting(self, notes: Iterable[str]) -> Plan:
        """Return the plan with further notes."""
        return replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes])))

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.steps)
