"""`invoke secrets.*`: the operator's secrets."""

from __future__ import annotations

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task


@task(name="init", help={"plan": "show what would be done and change nothing", "json": "print one JSON document"})
def init(_: Context, plan: bool = False, json: bool = False) -> None:
    """Make .env.secrets complete and hand each service its own."""
    from optimus_ops.secrets import commands

    commands.initialise(plan_only=plan, json=json)


@task(name="validate", help={"json": "print one JSON document"})
def validate(_: Context, json: bool = False) -> None:
    """Check .env.secrets: what is missing, malformed, too open or kept by git."""
    from optimus_ops.secrets import commands

    commands.check(json=json)
