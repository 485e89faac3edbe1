"""`invoke doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.collection import Collection

    from optimus_ops.engine.service_names import ServiceNames


@task(help={"json": "print one JSON document on standard output"})
def doctor(_: Context, json: bool = False) -> None:
    """Check the machine and the checkout: what is missing, what to do about it."""
    from optimus_ops.doctor.execute import doctor as examine

    examine(json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the task, in no collection."""
    namespace.add_task(doctor)
