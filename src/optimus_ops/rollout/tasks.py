"""Tasks that change or show the stack: scale, up, down, migrate."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task
from optimus_ops.rollout.replica_flags import ScaleTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.collection import Collection

    from optimus_ops.engine.service_names import ServiceNames

LOCK_HELP = {"lock-wait": "seconds to wait while another change of the stack is under way"}
PLAN_HELP = {
    "plan": "print the plan and change nothing",
    "detailed-exitcode": "with --plan: exit code 10 if something would change, 0 if not",
    "json": "print one JSON document on standard output",
}
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
        plan: bool = False,
        json: bool = False,
        lock_wait: str = "0",
        detailed_exitcode: bool = False,
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
        chosen = requests.options(plan=plan, json=json, lock_wait=lock_wait, detailed_exitcode=detailed_exitcode)
        given = {service: text for service, text in numbers.items() if text is not None}
        requests.scale(requests.typed_counts(given, replicas or ()), flags, chosen)

    return task(
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
            **PLAN_HELP,
            **LOCK_HELP,
        },
    )(scale)


@task(help={**ORPHANS_HELP, **OVERLAY_HELP, **PLAN_HELP, **LOCK_HELP})
def up(
    _: Context,
    observability: bool = False,
    sentinel: bool = False,
    remove_orphans: bool = False,
    plan: bool = False,
    json: bool = False,
    lock_wait: str = "0",
    detailed_exitcode: bool = False,
) -> None:
    """Bring the stack up; services that run keep their number of replicas."""
    from optimus_ops.rollout import requests

    flags = requests.ScaleFlags(observability=observability, sentinel=sentinel, remove_orphans=remove_orphans)
    chosen = requests.options(plan=plan, json=json, lock_wait=lock_wait, detailed_exitcode=detailed_exitcode)
    requests.scale({}, flags, chosen, purpose="up")


@task(help={"prune-network": "remove the networks as well", **ORPHANS_HELP, **PLAN_HELP, **LOCK_HELP})
def down(
    _: Context,
    prune_network: bool = False,
    remove_orphans: bool = False,
    plan: bool = False,
    json: bool = False,
    lock_wait: str = "0",
    detailed_exitcode: bool = False,
) -> None:
    """Stop and remove every container, replicas drained; volumes stay."""
    from optimus_ops.rollout import requests

    flags = requests.ScaleFlags(down=True, prune_network=prune_network, remove_orphans=remove_orphans)
    requests.scale(
        {}, flags, requests.options(plan=plan, json=json, lock_wait=lock_wait, detailed_exitcode=detailed_exitcode)
    )


@task(help={**PLAN_HELP, **LOCK_HELP})
def migrate(
    _: Context, plan: bool = False, json: bool = False, lock_wait: str = "0", detailed_exitcode: bool = False
) -> None:
    """Run the migrations job once, with the stores that it needs."""
    from optimus_ops.rollout import requests

    requests.migrate(requests.options(plan=plan, json=json, lock_wait=lock_wait, detailed_exitcode=detailed_exitcode))


@task(
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
        **PLAN_HELP,
        **LOCK_HELP,
    },
)
def deploy(
    _: Context,
    service: Sequence[str] | None = None,
    image: str = "",
    parallelism: str = "1",
    surge: str = "",
    observe: str = "10",
    healthy_within: str = "180",
    migrate_within: str = "600",
    allow_contract: bool = False,
    fit_pool: bool = False,
    force: bool = False,
    pull: bool = False,
    no_pull: bool = False,
    plan: bool = False,
    json: bool = False,
    lock_wait: str = "0",
    detailed_exitcode: bool = False,
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
    chosen = requests.options(
        plan=plan,
        json=json,
        lock_wait=lock_wait,
        detailed_exitcode=detailed_exitcode,
        healthy_within=healthy_within,
        migrate_within=migrate_within,
    )
    requests.deploy(flags, chosen)


@task(
    iterable=["service"],
    help={
        **ROLL_HELP,
        "observe": "seconds for which the replicas are compared in each batch (0: not at all)",
        **PLAN_HELP,
        **LOCK_HELP,
    },
)
def rollback(
    _: Context,
    service: Sequence[str] | None = None,
    parallelism: str = "1",
    surge: str = "",
    observe: str = "0",
    plan: bool = False,
    json: bool = False,
    lock_wait: str = "0",
    detailed_exitcode: bool = False,
) -> None:
    """Go back to the image that a service ran before, in the same way as deploy; migrations stay."""
    from optimus_ops.rollout import requests

    flags = requests.RollFlags(tuple(service or ()), "", parallelism, surge, observe)
    requests.rollback(
        flags, requests.options(plan=plan, json=json, lock_wait=lock_wait, detailed_exitcode=detailed_exitcode)
    )
