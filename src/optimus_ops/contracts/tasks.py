"""`invoke contracts.*`: what services offer and need."""

from __future__ import annotations

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task


@task()
def generate(_: Context) -> None:
    """Write each service's offer (contract/offers.json) from its sources."""
    from optimus_ops.contracts import commands

    commands.generate()


@task(help={"json": "print one JSON document"})
def check(_: Context, json: bool = False) -> None:
    """Check that offers are those of the sources, and that they meet what services need of each other."""
    from optimus_ops.contracts import commands

    commands.check(json=json)
