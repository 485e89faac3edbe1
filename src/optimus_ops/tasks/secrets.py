"""`invoke secrets.*`: the operator's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.tasks._typed import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(name="init", help={"plan": "Show what would be done, and do nothing.", "json": "Print one JSON document."})
def init(_context: Context, plan: bool = False, json: bool = False) -> None:
    """Make .env.secrets complete and hand each service its own."""
    from optimus_ops.secrets import report

    report.initialise(plan_only=plan, json=json)


@task(name="validate", help={"json": "Print one JSON document."})
def validate(_context: Context, json: bool = False) -> None:
    """Check .env.secrets: what is missing, malformed, too open or kept by git."""
    from optimus_ops.secrets import report

    report.check(json=json)
