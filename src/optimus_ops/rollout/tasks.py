"""Tasks: scale, up, down, migrate, deploy, rollback."""

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
    "service": "service to deploy (repeatable, also positional)",
    "parallelism": "how many old replicas drain at once (1)",
    "surge": "how many replicas there may be above the wanted number (as many as --parallelism)",
}
ORPHANS_HELP = {
    "remove-orphans": "remove what no file wants, too: former services, containers of `docker compose run`, networks"
}


def add_tasks(namespace: Collection, services: ServiceNames) -> None:
    """Add the tasks that change the stack, `scale` with a flag for each service that can have replicas."""
    namespace.add_task(make_scale(services.scalable, services.overlays), name="scale")
    namespace.add_task(make_up(services.overlays), name="up")
    for made in (down, deploy, rollback, migrate):
        namespace.add_task(made)


def make_scale(services: Sequence[str], overlays: Sequence[str] = ()) -> Any:
    """Make the `scale` task with a flag for each scalable service and each optional overlay of the stack."""

    def scale(
        _: Context,
        options: ChangeOptions,
        replicas: Sequence[str] | None = None,
        down: bool = False,
        prune_network: bool = False,
        build: Sequence[str] | None = None,
        run_migrations: bool = False,
        logs: bool = False,
        fit_pool: bool = False,
        force: bool = False,
        remove_orphans: bool = False,
        **flags: Any,
    ) -> None:
        """Bring the stack up with this many replicas of each service named; the others keep their number.

        Nothing that runs is recreated. Ends when every replica answered through the balancer.
        """
        from optimus_ops.errors import Refused
        from optimus_ops.rollout.requests import typed_counts

        chosen = tuple(name for name in overlays if flags.pop(name, False))
        counts = typed_counts(flags, replicas or ())
        if prune_network and not down:
            raise Refused("--prune-network goes with --down")
        if down and (counts or build or run_migrations or logs or force):
            raise Refused(
                "--down stops everything:"
                " it goes with no number of replicas, --build, --run-migrations, --force or --logs"
            )
        if down:
            _down(options, chosen, prune_network=prune_network, remove_orphans=remove_orphans)
            return
        _scale(
            options,
            chosen,
            counts=counts,
            build=frozenset(build or ()),
            run_migrations=run_migrations,
            force=force,
            fit_pool=fit_pool,
            remove_orphans=remove_orphans,
        )
        if logs and not options.plan:
            from optimus_ops.status.logs import follow

            follow(tuple(counts), json=options.json)

    return change_task(
        klass=functools.partial(ScaleTask, services=tuple(services), overlays=tuple(overlays)),
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
        },
    )(scale)


def _scale(options: ChangeOptions, overlays: tuple[str, ...], **asked: Any) -> None:
    from optimus_ops.plan.requests import ScaleRequest
    from optimus_ops.rollout.requests import with_deadlines
    from optimus_ops.rollout.scale import scale
    from optimus_ops.stack.context import StackContext

    request = ScaleRequest(overlays=overlays, **asked)
    scale(StackContext.open(request.overlays, with_deadlines(options)), request)


def _down(options: ChangeOptions, overlays: tuple[str, ...], *, prune_network: bool, remove_orphans: bool) -> None:
    from optimus_ops.rollout.down import down
    from optimus_ops.rollout.requests import DownRequest, with_deadlines
    from optimus_ops.stack.context import StackContext

    context = StackContext.open_to_stop(overlays, with_deadlines(options))
    down(context, DownRequest(prune_network, remove_orphans))


def make_up(overlays: Sequence[str] = ()) -> Any:
    """Make the `up` task with a flag for each optional overlay of the stack."""

    def up(_: Context, options: ChangeOptions, remove_orphans: bool = False, **flags: Any) -> None:
        """Bring the stack up; services that run keep their number of replicas."""
        chosen = tuple(name for name in overlays if flags.get(name))
        _scale(options, chosen, remove_orphans=remove_orphans, purpose="up")

    return change_task(klass=functools.partial(ScaleTask, overlays=tuple(overlays)), help=ORPHANS_HELP)(up)


@change_task(help={"prune-network": "remove the networks as well", **ORPHANS_HELP})
def down(
    _: Context,
    options: ChangeOptions,
    prune_network: bool = False,
    remove_orphans: bool = False,
) -> None:
    """Stop and remove every container, replicas drained; volumes stay."""
    _down(options, (), prune_network=prune_network, remove_orphans=remove_orphans)


@change_task()
def migrate(_: Context, options: ChangeOptions) -> None:
    """Run the migrations job once, with the stores that it needs."""
    from optimus_ops.rollout.requests import with_deadlines
    from optimus_ops.rollout.scale import migrate
    from optimus_ops.stack.context import StackContext

    migrate(StackContext.open((), with_deadlines(options)))


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
    """Roll out changed images or configuration, one batch at a time.

    New replicas start first and are proven healthy, reached by the balancer and no worse than the old ones; then old
    ones drain. If anything fails, everything goes back.
    """
    from optimus_ops.rollout.deploy import deploy
    from optimus_ops.rollout.requests import DeployRequest, asking_of, with_deadlines
    from optimus_ops.stack.context import StackContext

    request = DeployRequest(
        services=tuple(dict.fromkeys(service or ())),
        image=image,
        parallelism=parallelism,
        surge=surge or parallelism,
        observe=observe,
        asking=asking_of(pull=pull, no_pull=no_pull),
        allow_contract=allow_contract,
        fit_pool=fit_pool,
        force=force,
    )
    options = with_deadlines(options, healthy=healthy_within, migrate=migrate_within)
    deploy(StackContext.open((), options), request)


@change_task(
    iterable=["service"],
    help={
        **ROLL_HELP,
        "observe": "seconds for which the replicas are compared in each batch (0: not at all)",
        "last": "all services that the last deploy replaced",
    },
)
def rollback(
    _: Context,
    options: ChangeOptions,
    service: Sequence[str] | None = None,
    parallelism: ReplicaCount = 1,
    surge: ReplicaCount | None = None,
    observe: ObserveSeconds = 0,
    last: bool = False,
) -> None:
    """Go back to the image that a service ran before, in the same way as deploy; migrations stay."""
    from optimus_ops.rollout.deploy import rollback
    from optimus_ops.rollout.requests import RollbackRequest, with_deadlines
    from optimus_ops.stack.context import StackContext

    request = RollbackRequest(tuple(dict.fromkeys(service or ())), parallelism, surge or parallelism, observe, last)
    rollback(StackContext.open((), with_deadlines(options)), request)
