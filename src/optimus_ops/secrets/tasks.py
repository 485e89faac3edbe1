"""`invoke secrets.*`: the operator's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions


@change_task()
def init(_: Context, options: ChangeOptions) -> None:
    """Generate missing secrets and write each service's secret files."""
    from optimus_ops.secrets import commands

    commands.init(options)


@task(name="validate", help={"json": "print one JSON document"})
def validate(_: Context, json: bool = False) -> None:
    """Check .env.secrets: what is missing, malformed, too open or kept by git."""
    from optimus_ops.secrets import commands

    commands.check(json=json)
