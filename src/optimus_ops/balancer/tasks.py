"""`invoke lb.*`: the balancer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.engine.service_names import ServiceNames


@task(
    iterable=["service"],
    help={"service": "check this service only (repeatable)", "json": "print one JSON document"},
)
def check(_: Context, service: Sequence[str] | None = None, json: bool = False) -> None:
    """Prove through the balancer that every replica answers, and that none that is gone does."""
    from optimus_ops.balancer import routing_check

    routing_check.check(tuple(service or ()), json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the collection `lb`."""
    namespace.add_collection(Collection.from_module(sys.modules[__name__], name="lb"))
