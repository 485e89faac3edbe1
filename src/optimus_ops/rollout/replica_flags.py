"""A flag of `invoke scale` for each service that can have several replicas, whatever its name.

A service whose name can't be a flag (one letter, a word that `scale` or Invoke itself has a flag for, or one that
differs from another only by `-` and `_`) is given as `--replicas NAME=N`, which works for all of them.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from invoke.parser.argument import Argument
from invoke.parser.context import to_flag

from optimus_ops.commandline.task_decorator import RepeatableTask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

UNUSABLE = frozenset({"self"})
"""Keywords that Invoke can't call a task with."""


class ScaleTask(RepeatableTask):
    """A task with a flag for each of some services and overlays, which its function takes as keywords."""

    def __init__(
        self,
        body: Callable[..., object],
        services: Sequence[str] = (),
        overlays: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Keep the services and overlays."""
        super().__init__(body, **options)
        self.services = tuple(services)
        self.overlays = tuple(overlays)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments of the signature and one for each service and overlay that can have a flag."""
        own = super().get_arguments(ignore_unknown_help)
        taken = {to_flag(name) for argument in own for name in argument.names}
        names = flagged(self.services, taken)
        overlays = flagged(self.overlays, {*taken, *map(to_flag, names)})
        return [
            *(Argument(names=(name,), help=f"replicas of {name}") for name in names),
            *(Argument(names=(name,), kind=bool, default=False, help=f"with the {name} overlay") for name in overlays),
            *own,
        ]

    def argspec(self, body: Callable[..., object]) -> inspect.Signature:
        """Return the parameters that have flags of their own: all but `**flags`."""
        signature = super().argspec(body)
        kept = [made for made in signature.parameters.values() if made.kind is not inspect.Parameter.VAR_KEYWORD]
        return signature.replace(parameters=kept)


def flagged(services: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Return those services whose name can be a flag; `taken` flags mean something else."""
    names = tuple(services)
    reserved = {*taken, *core_flags()}
    alike = [to_flag(name) for name in names]
    return tuple(
        name
        for name, flag in zip(names, alike, strict=True)
        if flag.startswith("--")
        and name not in UNUSABLE
        and flag not in reserved
        # Of two that differ by - and _ only, the one that is written like the flag has it.
        and (alike.count(flag) == 1 or flag == f"--{name}")
        and flag.removeprefix("--").strip("-")
    )


def core_flags() -> frozenset[str]:
    """Return the flags of Invoke itself, which it takes behind a task's name as well."""
    from invoke.program import Program

    program = Program()
    return frozenset(
        to_flag(name) for made in (program.core_args(), program.task_args()) for arg in made for name in arg.names
    )


def hint_for(flag: str, every: Iterable[str], scalable: Collection[str]) -> str | None:
    """Return how a number is given for the service that an unknown flag names; None if it names none."""
    word = flag.partition("=")[0].removeprefix("--")
    if word not in every:
        return None
    if word in scalable:
        return f"replicas of {word}: invoke scale --replicas {word}=N"
    return f"{word} can't be scaled; scalable: {', '.join(scalable) or 'none'}"
