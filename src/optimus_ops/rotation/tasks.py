"""`invoke secrets.rotate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import Count, Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.collection import Collection
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.engine.service_names import ServiceNames

GraceSeconds = Annotated[float, Seconds(most=30 * 86_400)]
Member = Annotated[int, Count(noun="a member of a pool of keys is a number", hint=None)]


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the task to those of secrets."""
    namespace.collections["secrets"].add_task(rotate)


@change_task(
    iterable=["secret"],
    help={
        "secret": "key to rotate (repeatable, also positional; default: choose from those that are due)",
        "all-due": "rotate every key that is older than it may be; end what was in grace",
        "resume": "go on with rotations that were cut off or in grace",
        "rollback": "lead rotations back to the old value, as long as that is valid",
        "status": "show the rotations under way and the keys that are due, and change nothing",
        "member": "of a pool of keys, rotate this one, counted from 1 (default: all, one after the other)",
        "grace": "seconds for which both values stay valid (default: as the rotator says); long ones end the command",
        "force": "disable the old value after the grace although something still uses it, such as a key that leaked",
        "yes": "ask nobody",
    },
)
def rotate(
    _: Context,
    options: ChangeOptions,
    secret: Sequence[str] | None = None,
    all_due: bool = False,
    resume: bool = False,
    rollback: bool = False,
    status: bool = False,
    member: Member | None = None,
    grace: GraceSeconds | None = None,
    force: bool = False,
    yes: bool = False,
) -> None:
    """Replace secrets while everything runs: old and new are valid until every replica uses the new one.

    Each step is proven and written down before the next; what fails is rolled back. --resume goes on after a kill.
    """
    from optimus_ops.rotation import execute
    from optimus_ops.rotation.requests import RotateRequest

    if status:
        execute.show(options.json)
        return
    request = RotateRequest(
        keys=tuple(secret or ()),
        all_due=all_due,
        resume=resume,
        rollback=rollback,
        member=member or 0,
        grace=grace,
        force=force,
        yes=yes,
    )
    execute.rotate(request, options)
