"""The steps of changes to a stack."""

from __future__ import annotations

from optimus_ops.model.state import short_id
from optimus_ops.plan.step import ContainerRef, Step, step


@step("secrets")
class WriteSecrets(Step):
    """Complete `.env.secrets` and write the folders that containers mount; `names` are generated."""

    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return f"write secrets ({len(self.names)} generated)" if self.names else "write secrets"


@step("bases", "make stand-ins for {images}")
class MakeBases(Step):
    """Build stand-ins for public images where no registry answers."""

    images: tuple[str, ...]


@step("pull", "pull the images of {services}")
class Pull(Step):
    """Pull public images."""

    services: tuple[str, ...]


@step("build", "build {services}")
class Build(Step):
    """Build the images of services."""

    services: tuple[str, ...]


@step("start")
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

    counts: tuple[tuple[str, int], ...]
    replicas: bool = False
    ended: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return f"start {_counted(self.counts)}"


@step("wait-healthy")
class WaitHealthy(Step):
    """Wait until each service has its count of healthy replicas; one that ends or is unhealthy fails the step.

    Args:
        counts: service -> healthy replicas.
        new: whether only those count that were started by this plan.
        required: whether the plan fails where they don't get healthy; else what waits for them starts without.
    """

    counts: tuple[tuple[str, int], ...]
    new: bool = False
    required: bool = True

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        how = " (new ones)" if self.new else "" if self.required else " (not required)"
        return f"wait until healthy: {_counted(self.counts)}{how}"


@step("wait-dependency", "wait for a healthy replica of {services}")
class WaitDependency(Step):
    """Wait until services that run already have a healthy replica; if not `required`, dependents start without."""

    services: tuple[str, ...]
    required: bool = True


@step("run-job")
class RunJob(Step):
    """Run a job to its end before its dependents start; if not `required`, they start even if it fails."""

    service: str
    required: bool = True

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return f"run {self.service}" if self.required else f"run {self.service} (not required)"


@step("restart", "restart {victims}")
class Restart(Step):
    """Restart containers in place, because what they depend on with `restart: true` was replaced.

    `seconds` is the grace between SIGTERM and SIGKILL.
    """

    service: str
    victims: tuple[ContainerRef, ...]
    seconds: float


@step("migrate", "run {service}")
class Migrate(Step):
    """Run the migrations job once, to its end."""

    service: str


@step("verify")
class VerifyRouting(Step):
    """Prove through the balancer that every replica answers and that none that is gone is asked.

    Args:
        counts: service -> replicas.
        settle: seconds for which everything has to stay right; longer than the balancer remembers an address, where
            replicas were removed.
    """

    counts: tuple[tuple[str, int], ...]
    settle: float = 0.0

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return "verify routing to " + ", ".join(f"{name}={count}" for name, count in self.counts)


@step("resume", "let go on {victims}")
class Resume(Step):
    """Unpause frozen containers: they lose nothing, and Compose can't do its work beside them."""

    victims: tuple[ContainerRef, ...]


@step("stop", "drain and stop {victims}")
class Stop(Step):
    """Stop replicas, all at once: each drains upon SIGTERM, and is killed after `seconds` of grace."""

    victims: tuple[ContainerRef, ...]
    seconds: float


@step("remove", "remove {victims}", final=True)
class Remove(Step):
    """Remove containers."""

    victims: tuple[ContainerRef, ...]


@step("keep")
class Keep(Step):
    """Tag the images (ids) that a service runs now, so that a rollback finds them."""

    service: str
    images: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return f"keep {self.service}'s image {', '.join(map(short_id, self.images))} for a rollback"


@step("pin")
class Pin(Step):
    """Pin images or variables of services to other values than those of the Compose files.

    Args:
        images: service -> image; "" unpins it.
        environment: service, variable, value.
    """

    images: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str, str], ...] = ()

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        images = [f"{service} to {image or 'the image of the Compose files'}" for service, image in self.images]
        variables = [f"{service} to {name}={value}" for service, name, value in self.environment]
        return f"pin {', '.join([*images, *variables])}"


@step("check-contracts", "check the contracts of {services}")
class CheckContracts(Step):
    """Refuse a version that breaks a running consumer, or that expects what no running provider provides."""

    services: tuple[str, ...]


@step("check-migrations", "check that {service} only expands the schema")
class CheckMigrations(Step):
    """Refuse pending migrations that drop or lock what the running version uses, unless `allow_contract`."""

    service: str
    allow_contract: bool = False


@step("check-budgets", "check the budget of database connections")
class CheckBudgets(Step):
    """Refuse what the database has too few connections for, where it could not be asked before it ran.

    `peak` is the most replicas of each service at once.
    """

    peak: tuple[tuple[str, int], ...]


@step("observe", "observe the new {service} for {seconds:g} s")
class Observe(Step):
    """Compare error rate and latency of the new replicas with those of the old ones, as the balancer sees them."""

    service: str
    seconds: float


@step("check-config", "test the configuration of {service}")
class CheckConfig(Step):
    """Have the balancer test its configuration; a broken one goes no further."""

    service: str


@step("reload", "reload {service}")
class Reload(Step):
    """Have the balancer load its new configuration in place: no connection is cut."""

    service: str


@step("remove-network", "remove network {network}")
class RemoveNetwork(Step):
    """Remove a network of the project."""

    network: str


@step("remove-images")
class RemoveImages(Step):
    """Remove images (ids) that have no name and that nothing runs on."""

    images: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return f"remove images {', '.join(map(short_id, self.images))}"


def _counted(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(name if count == 1 else f"{name}={count}" for name, count in counts)
