"""`invoke contracts.*`: what services offer and need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from optimus_ops.change.options import ChangeOptions


@change_task()
def generate(_: Context, options: ChangeOptions) -> None:
    """Write each service's offer (contract/offers.json) from its sources."""
    from optimus_ops.contracts.generate import generate_offers

    generate_offers(options)


@task(help={"json": "print one JSON document"})
def check(_: Context, json: bool = False) -> None:
    """Check that offers are those of the sources, and that they meet what services need of each other."""
    from optimus_ops.contracts.check import check_contracts

    check_contracts(json=json)
