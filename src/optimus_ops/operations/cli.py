"""From what a person typed to a request: numbers, names and overlays are checked here, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.operations import scale as operations
from optimus_ops.operations.session import Options
from optimus_ops.plan.scale import ScaleRequest
from optimus_ops.stack.model import parse_count

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    @property
    def overlays(self) -> tuple[str, ...]:
        """Return the overlays that the flags ask for."""
        asked = {"observability": self.observability, "sentinel": self.sentinel}
        return tuple(name for name, wanted in asked.items() if wanted)


def options(*, plan: bool, json: bool, lock_wait: str) -> Options:
    """Return the options that every changing task takes.

    Raises:
        Refused: `lock_wait` is no number of seconds.
    """
    try:
        seconds = float(lock_wait)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise Refused(f"--lock-wait {lock_wait}: a number of seconds from 0 to 86400 is wanted")
    return Options(plan=plan, json=json, lock_wait=seconds)


def counts_of(given: Mapping[str, str]) -> dict[str, int]:
    """Return service -> replicas of the flags that were given.

    Raises:
        Refused: one is no number of replicas.
    """
    named = {parameter.replace("_", "-"): text for parameter, text in given.items() if text != ""}
    return {service: parse_count(text, f"--{service}") for service, text in named.items()}


def scale(given: Mapping[str, str], flags: ScaleFlags, chosen: Options, purpose: str = "scale") -> None:
    """Carry out `invoke scale`, in either direction.

    Raises:
        Refused: the flags don't go together, or a number is none.
    """
    counts = counts_of(given)
    if flags.prune_network and not flags.down:
        raise Refused("--prune-network goes with --down")
    if flags.down:
        if counts or flags.build or flags.run_migrations or flags.logs:
            raise Refused(
                "--down stops everything: it goes with no number of replicas, --build, --run-migrations or --logs"
            )
        operations.down(flags.overlays, chosen, prune_network=flags.prune_network)
        return
    request = ScaleRequest(counts, frozenset(flags.build), flags.run_migrations, purpose)
    operations.scale(operations.Wanted(request, flags.overlays), chosen)
    if flags.logs and not chosen.plan:
        from optimus_ops.inspect.logs import follow  # noqa: PLC0415 - only where it is asked for

        follow(tuple(counts), json=chosen.json)


def migrate(chosen: Options) -> None:
    """Carry out `invoke migrate`."""
    operations.migrate((), chosen)
