"""A stack: the services that are wanted, as values."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from optimus_ops.model.container_inputs import ContainerInput
from optimus_ops.model.pull_policy import PullPolicy

STARTED = "service_started"
HEALTHY = "service_healthy"
COMPLETED = "service_completed_successfully"
OPTIONAL_LABEL = "com.optimus.optional"
"""Says of a service, where it is "true", that the others do without it."""
STOP_SECONDS = 10.0
"""The engine's own grace between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a service needs of another one before it starts: STARTED, HEALTHY or COMPLETED.

    With `restart` it is restarted after the other one was replaced.
    """

    condition: str = STARTED
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port on the host that leads to the port `target` of a container.

    The address "" stands for all; the port 0 is one that the engine chooses, of all or of a range.
    """

    host_ip: str
    host_port: int
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the stack. Cores, bytes and seconds are None where the files set none.

    Args:
        base_images: the images that its build starts from.
        ports: the ports that it listens on (environment PORT, then `expose`).
        depends_on: services of the stack only.
        stop_seconds: grace between SIGTERM and SIGKILL.
        environment: variables of its containers, those of `env_file` included.
        fixed: what only one container can have, of a service that could have replicas without it.
        restart: when the engine starts its containers again: no, always, on-failure or unless-stopped.
        pull_policy: as the files have it; "" where they say nothing.
    """

    name: str
    image: str
    builds: bool = False
    base_images: tuple[str, ...] = ()
    scalable: bool = False
    default_replicas: int = 1
    ports: tuple[int, ...] = ()
    published: tuple[PublishedPort, ...] = ()
    depends_on: Mapping[str, Dependency] = field(default_factory=dict)
    cpus: float | None = None
    memory: int | None = None
    reserved_cpus: float | None = None
    reserved_memory: int | None = None
    stop_seconds: float = STOP_SECONDS
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[ContainerInput, ...] = ()
    fixed: tuple[str, ...] = ()
    restart: str = "no"
    pull_policy: str = ""

    @property
    def optional(self) -> bool:
        """Whether the other services do without it."""
        return self.labels.get(OPTIONAL_LABEL) == "true"

    @property
    def off(self) -> bool:
        """Whether the files want no container of it, and no task can ask for one."""
        return not self.default_replicas and not self.scalable


@dataclass(frozen=True, slots=True)
class Stack:
    """The services of a project, in the order of the files; which is the balancer and which the migrations job."""

    project: str
    services: Mapping[str, Service]
    balancer: str | None
    migrations: str | None

    @property
    def jobs(self) -> frozenset[str]:
        """The one-shot services: the migrations, and those that another one waits for to end well."""
        waited_for = {
            needed
            for service in self.services.values()
            for needed, dependency in service.depends_on.items()
            if dependency.condition == COMPLETED
        }
        return frozenset(waited_for | ({self.migrations} if self.migrations else set()))

    @property
    def images(self) -> tuple[str, ...]:
        """The images that services run."""
        return tuple(dict.fromkeys(service.image for service in self.services.values() if not service.off))

    @property
    def built_images(self) -> tuple[str, ...]:
        """The images that the project builds itself; others may run them, too."""
        return tuple(dict.fromkeys(service.image for service in self.services.values() if service.builds))

    @property
    def public_images(self) -> tuple[str, ...]:
        """The images that come from elsewhere: those that services run and those that builds start from."""
        return self.public_images_of(self.services)

    def public_images_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the public images of some services; of one that runs another's image, those of its build."""
        own, wanted = self.built_images, {self.services[name].image for name in names if name in self.services}
        bases = [base for service in self.services.values() if service.image in wanted for base in service.base_images]
        run = [image for image in self.images if image in wanted]
        return tuple(dict.fromkeys(image for image in (*run, *bases) if image not in own))

    def policy_of(self, image: str) -> PullPolicy:
        """Return when an image is pulled: as the first service says that runs it and says anything."""
        names = [service.pull_policy for service in self.services.values() if service.image == image]
        policy = next((name for name in names if name), "")
        return PullPolicy(policy, image in self.built_images, pinned="@" in image)

    @property
    def scalable(self) -> tuple[str, ...]:
        """The services that may have more than one replica."""
        return tuple(name for name, service in self.services.items() if service.scalable)

    @property
    def routed(self) -> tuple[str, ...]:
        """The services that the balancer routes to: scalable ones with a port."""
        return tuple(name for name in self.scalable if self.services[name].ports) if self.balancer else ()

    def restarted_after(self, name: str, replaced: Container[str]) -> tuple[str, ...]:
        """Return those of some services that a service depends on with `restart: true`."""
        dependencies = self.services[name].depends_on.items()
        return tuple(needed for needed, dependency in dependencies if dependency.restart and needed in replaced)
