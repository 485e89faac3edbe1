"""The steps of changes to a stack."""

from __future__ import annotations

from optimus_ops.plan.step import ContainerRef, Step, step

# The balancer resolves addresses each second (compose/nginx/upstreams.conf): after that it knows who is gone.
SETTLE_SECONDS = 1.5


@step("secrets", "write secrets{_generated}")
class WriteSecrets(Step):
    """Complete `.env.secrets` and write the folders that containers mount; `names` are generated."""

    names: tuple[str, ...] = ()

    @property
    def _generated(self) -> str:
        return f" ({len(self.names)} generated)" if self.names else ""


@step("bases", "make fallback images for {images}")
class MakeFallbacks(Step):
    """Build fallback images for public images where no registry answers."""

    images: tuple[str, ...]


@step("pull", "pull the images of {services}")
class Pull(Step):
    """Pull public images."""

    services: tuple[str, ...]


@step("build", "build {services}")
class Build(Step):
    """Build the images of services."""

    services: tuple[str, ...]


@step("start", "start {counts:count}")
class Start(Step):
    """Start containers until each service has its count running; what runs is left alone.

    Replicas are created anew. Whatever has become of them meanwhile, `ended` ones (ids) don't count, since the plan
    removes them, and `leaving` ones do: the plan stops them, so that one that dies by itself needs no successor.
    Other containers that ended (stores, the balancer) are started again, or created anew if they changed.
    """

    counts: tuple[tuple[str, int], ...]
    replicas: bool = False
    ended: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()


@step("wait-healthy", "wait until healthy: {counts:count}{_qualifier}")
class WaitHealthy(Step):
    """Wait until each service has its count of healthy (`new`: started by this plan) replicas.

    One that ends or is unhealthy fails the step; if not `required`, what waits for them starts without.
    """

    counts: tuple[tuple[str, int], ...]
    new: bool = False
    required: bool = True

    @property
    def _qualifier(self) -> str:
        return " (new ones)" if self.new else "" if self.required else " (not required)"


@step("wait-dependency", "wait for a healthy replica of {services}")
class WaitDependency(Step):
    """Wait until services that run already have a healthy replica; if not `required`, dependents start without."""

    services: tuple[str, ...]
    required: bool = True


@step("run-job", "run {service}{_qualifier}")
class RunJob(Step):
    """Run a job to its end before its dependents start; if not `required`, they start even if it fails."""

    service: str
    required: bool = True

    @property
    def _qualifier(self) -> str:
        return "" if self.required else " (not required)"


@step("restart", "restart {containers}")
class Restart(Step):
    """Restart containers of a service in place, with `seconds` of grace between SIGTERM and SIGKILL."""

    service: str
    containers: tuple[ContainerRef, ...]
    seconds: float


@step("migrate", "run {service}")
class Migrate(Step):
    """Run the migrations job once, to its end."""

    service: str


@step("verify", "verify routing to {counts:pair}")
class VerifyRouting(Step):
    """Prove through the balancer that every replica answers and that none that is gone is asked.

    It has to stay so for `settle` seconds: where replicas were removed, longer than the balancer remembers an address.
    """

    counts: tuple[tuple[str, int], ...]
    settle: float = 0.0


@step("resume", "let go on {containers}")
class Resume(Step):
    """Unpause frozen containers: they lose nothing, and Compose can't do its work beside them."""

    containers: tuple[ContainerRef, ...]


@step("stop", "drain and stop {containers}")
class Stop(Step):
    """Stop replicas, all at once: each drains upon SIGTERM, and is killed after `seconds` of grace."""

    containers: tuple[ContainerRef, ...]
    seconds: float


@step("remove", "remove {containers}", final=True)
class Remove(Step):
    """Remove containers."""

    containers: tuple[ContainerRef, ...]


@step("keep", "keep {service}'s image {images:id} for a rollback")
class Keep(Step):
    """Tag the images (ids) that a service runs now, so that a rollback finds them."""

    service: str
    images: tuple[str, ...]


@step("pin", "pin {_pins}")
class Pin(Step):
    """Pin images (service, image; "" unpins it) and variables (service, variable, value) of services."""

    images: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str, str], ...] = ()

    @property
    def _pins(self) -> tuple[str, ...]:
        images = [f"{service} to {image or 'the image of the Compose files'}" for service, image in self.images]
        variables = [f"{service} to {name}={value}" for service, name, value in self.environment]
        return (*images, *variables)


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
    """Refuse a peak of replicas that the database has too few connections for, where it could not be asked before."""

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


@step("remove-images", "remove images {images:id}")
class RemoveImages(Step):
    """Remove images (ids) that have no name and that nothing runs on."""

    images: tuple[str, ...]
