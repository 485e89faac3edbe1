"""Requests of `deploy`, `rollback` and `down`, and values of flags that all of them share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from optimus_ops.change.options import ChangeOptions, Deadlines
from optimus_ops.commandline.flag_types import Count, Seconds
from optimus_ops.errors import Refused
from optimus_ops.model.pull_policy import Asking

ENGINE_WAIT = "OPTIMUS_ENGINE_WAIT"
"""Names the seconds to wait for an engine that went away before what was done is undone."""


@dataclass(frozen=True)
class DeployRequest:
    """What is deployed, and how carefully.

    Args:
        services: the services; all that run and may be replaced if empty.
        image: a tag, or a whole image name, in place of the image of the Compose files; "" for that one.
        surge: how many replicas there may be above the wanted number at any moment, draining ones included.
        observe: seconds for which the new replicas of each batch are compared with the old ones.
    """

    services: tuple[str, ...] = ()
    image: str = ""
    parallelism: int = 1
    surge: int = 1
    observe: float = 10
    asking: Asking = "by policy"
    allow_contract: bool = False
    fit_pool: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse an image for every service."""
        if self.image and not self.services:
            raise Refused("--image goes with the services that it is for", "invoke deploy SERVICE --image TAG")


@dataclass(frozen=True)
class RollbackRequest:
    """Which services go back to the image that they ran before; numbers as in `DeployRequest`.

    `last` stands for those that the last deploy replaced: they get their image and what the files say now.
    """

    services: tuple[str, ...]
    parallelism: int = 1
    surge: int = 1
    observe: float = 0
    last: bool = False

    def __post_init__(self) -> None:
        """Refuse a rollback of everything."""
        if not self.services and not self.last:
            raise Refused("which service?", "invoke rollback SERVICE, or --last")
        if self.services and self.last:
            raise Refused("--last goes with no service: it takes all that the last deploy replaced")


@dataclass(frozen=True)
class DownRequest:
    """What goes beside all containers: networks, and leftovers."""

    prune_network: bool = False
    remove_orphans: bool = False


def with_deadlines(options: ChangeOptions, *, healthy: float = 180, migrate: float = 600) -> ChangeOptions:
    """Return the options with the deadlines of a change of the stack, in seconds."""
    engine = Seconds().parse(os.environ.get(ENGINE_WAIT) or "90", ENGINE_WAIT)
    return replace(options, deadlines=Deadlines(healthy=healthy, migrate=migrate, engine=engine))


def typed_counts(flags: Mapping[str, str | None], pairs: Iterable[str]) -> dict[str, int]:
    """Return service -> replicas, of the services' own flags and of `--replicas NAME=N`."""
    counts = {service: Count().parse(text, f"--{service}") for service, text in flags.items() if text is not None}
    for pair in pairs:
        service, equals, text = pair.rpartition("=")
        if not equals or not service:
            raise Refused(f"--replicas {pair}: a service and its number are wanted", "as in --replicas web=3")
        count = Count().parse(text, f"--replicas {service}")
        if counts.setdefault(service, count) != count:
            raise Refused(f"two numbers for {service}: {counts[service]} and {count}")
    return counts


def asking_of(*, pull: bool, no_pull: bool) -> Asking:
    """Return whether registries are asked what images stand for now."""
    if pull and no_pull:
        raise Refused("--pull and --no-pull say the opposite of one another")
    return "always" if pull else "never" if no_pull else "by policy"
