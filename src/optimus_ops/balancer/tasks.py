"""Tasks about the balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence


@task(
    iterable=["service"],
    help={"service": "look at this service only (may be given several times)", "json": "print one JSON document"},
)
def check(_: Context, service: Sequence[str] | None = None, json: bool = False) -> None:
    """Prove through the balancer that every replica answers, and that none that is gone does."""
    from optimus_ops.balancer import routing_check

    routing_check.check(tuple(service or ()), json=json)
