"""Tasks that change or show the stack: scale, up, down, migrate."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any

from invoke.context import Context

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import Count, ImageName, Seconds
from optimus_ops.rollout.replica_flags import ScaleTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.collection import Collection

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.engine.service_names import ServiceNames

ObserveSeconds = Annotated[float, Seconds(most=3600)]
WithinSeconds = Annotated[float, Seconds(least=1)]
ReplicaCount = Annotated[int, Count()]
Image = Annotated[str, ImageName()]
FIT_POOL_HELP = "lower DB_POOL_SIZE and DB_MAX_OVERFLOW of what starts until the database has enough connections"
ROLL_HELP = {
    "service": "a service; it may stand there without the flag, and several may",
    "parallelism": "how many old replicas drain at once (1)",
    "surge": "how many replicas there may be above the wanted number (as many as --parallelism)",
}
ORPHANS_HELP = {
    "remove-orphans": "remove what no file wants, too: former services, containers of `docker compose run`, networks"
}
OVERLAY_HELP = {"observability": "with the observability overlay", "sentinel": "with the Redis Sentinel overlay"}


def add_tasks(namespace: Collection, services: ServiceNames) -> None:
    """Add the tasks that change the stack, `scale` with a flag for each service that can have replicas."""
    namespace.add_task(make_scale(services.scalable), name="scale")
    for made in (up, down, deploy, rollback, migrate):
        namespace.add_task(made)


def make_scale(services: Sequence[str]) -> Any:
    """Make the `scale` task with a flag for each scalable service.

    Args:
        services: the stack's scalable services.
    """

    def scale(
        _: Context,
        options: ChangeOptions,
        replicas: Sequence[str] | None = None,
        down: bool = False,
        prune_network: bool = False,
        build: Sequence[str] | None = None,
        run_migrations: bool = False,
        observability: bool = False,
        sentinel: bool = False,
        logs: bool = False,
        fit_pool: bool = False,
        force: bool = False,
        remove_orphans: bool = False,
        **numbers: str | None,
    ) -> None:
        """Bring the stack up with this many replicas of each service named; the others keep their number.

        Nothing that runs is recreated. Ends when every replica answered through the balancer.
        """
        from optimus_ops.rollout import requests

        flags = requests.ScaleFlags(
            down=down,
            prune_network=prune_network,
            build=tuple(build or ()),
            run_migrations=run_migrations,
            observability=observability,
            sentinel=sentinel,
            logs=logs,
            fit_pool=fit_pool,
            force=force,
            remove_orphans=remove_orphans,
        )
        given = {service: text for service, text in numbers.items() if text is not None}
        requests.scale(requests.typed_counts(given, replicas or ()), flags, options)

    return change_task(
        klass=functools.partial(ScaleTask, services=tuple(services)),
        iterable=["build", "replicas"],
        help={
            "replicas": "NAME=N: replicas of any service, also of one whose name can't be a flag (repeatable)",
            "down": "stop and remove every container; volumes stay",
            "prune-network": "with --down: remove the networks as well",
            "build": "build the image of this service anew (may be given several times)",
            "run-migrations": "run the migrations job even if it has run on this image",
            "logs": "then follow the logs of the services named",
            "fit-pool": FIT_POOL_HELP,
            "force": "replace replicas that are unhealthy or were restarted by the engine; new ones start first",
            **ORPHANS_HELP,
            **OVERLAY_HELP,
        },
    )(scale)


@change_task(help={**ORPHANS_HELP, **OVERLAY_HELP})
def up(
    _: Context,
    options: ChangeOptions,
    observability: bool = False,
    sentinel: bool = False,
    remove_orphans: bool = False,
) -> None:
    """Bring the stack up; services that run keep their number of replicas."""
    from optimus_ops.rollout import requests

    flags = requests.ScaleFlags(observability=observability, sentinel=sentinel, remove_orphans=remove_orphans)
    requests.scale({}, flags, options, purpose="up")


@change_task(help={"prune-network": "remove the networks as well", **ORPHANS_HELP})
def down(
    _: Context,
    options: ChangeOptions,
    prune_network: bool = False,
    remove_orphans: bool = False,
) -> None:
    """Stop and remove every container, replicas drained; volumes stay."""
    from optimus_ops.rollout import requests

    flags = requests.ScaleFlags(down=True, prune_network=prune_network, remove_orphans=remove_orphans)
    requests.scale({}, flags, options)


@change_task()
def migrate(_: Context, options: ChangeOptions) -> None:
    """Run the migrations job once, with the stores that it needs."""
    from optimus_ops.rollout import requests

    requests.migrate(options)


@change_task(
    iterable=["service"],
    help={
        **ROLL_HELP,
        "image": "a tag or an image's name in place of the image of the Compose files",
        "observe": "seconds for which new replicas are compared with old ones in each batch (10; 0: not at all)",
        "healthy-within": "seconds within which new replicas have to be healthy (180)",
        "migrate-within": "seconds within which the migrations job has to end (600)",
        "allow-contract": "let migrations take away what the running version uses",
        "fit-pool": FIT_POOL_HELP,
        "force": "replace replicas that are not stale, too",
        "pull": "ask the registries what the images' names stand for now, whatever pull_policy says",
        "no-pull": "ask no registry: what is on this machine is deployed",
    },
)
def deploy(
    _: Context,
    options: ChangeOptions,
    service: Sequence[str] | None = None,
    image: Image = "",
    parallelism: ReplicaCount = 1,
    surge: ReplicaCount | None = None,
    observe: ObserveSeconds = 10,
    healthy_within: WithinSeconds = 180,
    migrate_within: WithinSeconds = 600,
    allow_contract: bool = False,
    fit_pool: bool = False,
    force: bool = False,
    pull: bool = False,
    no_pull: bool = False,
) -> None:
    """Replace replicas whose image or configuration is another one now; the old ones serve throughout.

    New ones start first and are proven healthy, reached by the balancer and no worse than the old ones; then old ones
    drain. If anything fails, everything goes back.
    """
    from optimus_ops.rollout import requests

    named = tuple(service or ())
    flags = requests.RollFlags(
        named, image, parallelism, surge, observe, allow_contract, fit_pool, force, pull, no_pull
    )
    requests.deploy(flags, requests.with_deadlines(options, healthy=healthy_within, migrate=migrate_within))


@change_task(
    iterable=["service"],
    help={
        **ROLL_HELP,
        "observe": "seconds for which the replicas are compared in each batch (0: not at all)",
    },
)
def rollback(
    _: Context,
    options: ChangeOptions,
    service: Sequence[str] | None = None,
    parallelism: ReplicaCount = 1,
    surge: ReplicaCount | None = None,
    observe: ObserveSeconds = 0,
) -> None:
    """Go back to the image that a service ran before, in the same way as deploy; migrations stay."""
    from optimus_ops.rollout import requests

    flags = requests.RollFlags(tuple(service or ()), "", parallelism, surge, observe)
    requests.rollback(flags, requests.with_deadlines(options))
