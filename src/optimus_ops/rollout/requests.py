"""From what a person typed to a request: numbers, names and overlays are checked here, once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimus_ops.change.deadlines import Deadlines
from optimus_ops.commandline.flag_types import Seconds
from optimus_ops.errors import Refused
from optimus_ops.model.stack import parse_count
from optimus_ops.plan.deploy import DeployRequest
from optimus_ops.plan.scale import ScaleRequest
from optimus_ops.rollout import scale as operations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.model.pull_policy import Asking

ENGINE_WAIT = "OPTIMUS_ENGINE_WAIT"
"""Names the seconds to wait for an engine that went away before what was done is undone."""


@dataclass(frozen=True)
class ScaleFlags:
    """The flags of `invoke scale` that are not counts, as they were given."""

    down: bool = False
    prune_network: bool = False
    build: tuple[str, ...] = ()
    run_migrations: bool = False
    observability: bool = False
    sentinel: bool = False
    logs: bool = False
    fit_pool: bool = False
    force: bool = False
    remove_orphans: bool = False

    @property
    def overlays(self) -> tuple[str, ...]:
        """Return the overlays that the flags ask for."""
        asked = {"observability": self.observability, "sentinel": self.sentinel}
        return tuple(name for name, wanted in asked.items() if wanted)


def with_deadlines(options: ChangeOptions, *, healthy: float = 180, migrate: float = 600) -> ChangeOptions:
    """Return the options with the deadlines of a change of the stack, in seconds.

    Raises:
        Refused: `OPTIMUS_ENGINE_WAIT` is no number of seconds.
    """
    engine = Seconds().parse(os.environ.get(ENGINE_WAIT) or "90", ENGINE_WAIT)
    return replace(options, deadlines=Deadlines(healthy=healthy, migrate=migrate, engine=engine))


def typed_counts(flags: Mapping[str, str], pairs: Iterable[str]) -> dict[str, int]:
    """Return service -> replicas, of the services' own flags and of `--replicas NAME=N`.

    Raises:
        Refused: one is no number of replicas, or a service has two.
    """
    counts = {service: parse_count(text, f"--{service}") for service, text in flags.items()}
    for pair in pairs:
        service, equals, text = pair.rpartition("=")
        if not equals or not service:
            raise Refused(f"--replicas {pair}: a service and its number are wanted", "as in --replicas web=3")
        count = parse_count(text, f"--replicas {service}")
        if counts.setdefault(service, count) != count:
            raise Refused(f"two numbers for {service}: {counts[service]} and {count}")
    return counts


def scale(counts: Mapping[str, int], flags: ScaleFlags, chosen: ChangeOptions, purpose: str = "scale") -> None:
    """Carry out `invoke scale`, in either direction.

    Raises:
        Refused: the flags don't go together.
    """
    if flags.prune_network and not flags.down:
        raise Refused("--prune-network goes with --down")
    if flags.down:
        if counts or flags.build or flags.run_migrations or flags.logs or flags.force:
            raise Refused(
                "--down stops everything:"
                " it goes with no number of replicas, --build, --run-migrations, --force or --logs"
            )
        operations.down(
            flags.overlays,
            with_deadlines(chosen),
            prune_network=flags.prune_network,
            remove_orphans=flags.remove_orphans,
        )
        return
    request = ScaleRequest(counts, frozenset(flags.build), flags.run_migrations, force=flags.force, purpose=purpose)
    wanted = operations.Wanted(request, flags.overlays, flags.fit_pool, flags.remove_orphans)
    operations.scale(wanted, with_deadlines(chosen))
    if flags.logs and not chosen.plan:
        from optimus_ops.status.logs import follow  # noqa: PLC0415 - only where it is asked for

        follow(tuple(counts), json=chosen.json)


@dataclass(frozen=True)
class RollFlags:
    """The flags of `invoke deploy` and `rollback`, as they were given."""

    services: tuple[str, ...]
    image: str = ""
    parallelism: int = 1
    surge: int | None = None
    observe: float = 10
    allow_contract: bool = False
    fit_pool: bool = False
    force: bool = False
    pull: bool = False
    no_pull: bool = False

    @property
    def asking(self) -> Asking:
        """Return whether registries are asked what images stand for now.

        Raises:
            Refused: yes and no are said at once.
        """
        if self.pull and self.no_pull:
            raise Refused("--pull and --no-pull say the opposite of one another")
        return "always" if self.pull else "never" if self.no_pull else "by policy"

    @property
    def request(self) -> DeployRequest:
        """Return the request; which images are meant is found out later.

        Raises:
            Refused: flags contradict each other.
        """
        return DeployRequest(
            services=(),
            parallelism=self.parallelism,
            surge=self.parallelism if self.surge is None else self.surge,
            observe=self.observe,
            allow_contract=self.allow_contract,
            force=self.force,
            asking=self.asking,
        )


def deploy(flags: RollFlags, chosen: ChangeOptions) -> None:
    """Carry out `invoke deploy`.

    Raises:
        Refused: the flags don't go together, or a number is none.
    """
    if flags.image and not flags.services:
        raise Refused("--image goes with the services that it is for", "invoke deploy SERVICE --image TAG")
    services = tuple(dict.fromkeys(flags.services))
    from optimus_ops.rollout import deploy as deploying  # noqa: PLC0415 - what a scale need not wait for

    wanted = deploying.DeployFlags(services, flags.image, flags.request, flags.fit_pool)
    deploying.deploy(wanted, chosen)


def rollback(flags: RollFlags, chosen: ChangeOptions) -> None:
    """Carry out `invoke rollback`.

    Raises:
        Refused: no service is named, or a number is none.
    """
    if not flags.services:
        raise Refused("which service?", "invoke rollback SERVICE")
    from optimus_ops.rollout import deploy as deploying  # noqa: PLC0415 - as above

    services = tuple(dict.fromkeys(flags.services))
    deploying.rollback(deploying.DeployFlags(services, "", flags.request), chosen)


def migrate(chosen: ChangeOptions) -> None:
    """Carry out `invoke migrate`."""
    operations.migrate((), with_deadlines(chosen))
