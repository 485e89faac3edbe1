"""Tasks that show the stack and change nothing: status, logs, history."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.collection import Collection

    from optimus_ops.engine.service_names import ServiceNames


@task(help={"json": "print one JSON document on standard output"})
def status(_: Context, json: bool = False) -> None:
    """Show what runs: replicas, images, usage against limits, and stores."""
    from optimus_ops.status.execute import status as show

    show(json=json)


@task(
    iterable=["service"],
    help={
        "service": "this service only (may be given several times)",
        "follow": "go on as lines are written, new replicas included (the default on a terminal)",
        "no-follow": "end after the lines that are there (the default on a pipe)",
        "tail": "lines of each replica to begin with, or `all` (100)",
        "trace": "the lines of one request, of all services in the order of time; an id, or the header X-Trace-Id",
    },
)
def logs(
    _: Context,
    service: Sequence[str] | None = None,
    follow: bool = False,
    no_follow: bool = False,
    tail: str = "",
    trace: str = "",
) -> None:
    """Show the output of replicas, each line with its replica's name."""
    from optimus_ops.errors import Refused
    from optimus_ops.status.logs import DEFAULT_TAIL
    from optimus_ops.status.logs import logs as show
    from optimus_ops.status.trace_logs import trace_logs

    if follow and no_follow:
        raise Refused("--follow and --no-follow: one of them")
    if trace:
        if follow or tail:
            raise Refused("--trace shows every line that is there; neither --follow nor --tail goes with it")
        trace_logs(trace, tuple(service or ()))
        return
    show(tuple(service or ()), follow=follow or (sys.stdout.isatty() and not no_follow), tail=tail or DEFAULT_TAIL)


@task(
    help={
        "last": "how many changes, newest first (20)",
        "change": "this change only, with its steps, their causes and results",
        "json": "print one JSON document on standard output",
    },
)
def history(_: Context, last: str = "", change: str = "", json: bool = False) -> None:
    """Show what was changed: when, by whom, and how it ended."""
    from optimus_ops.status.history import history as show

    show(last=last, change=change, json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the tasks, none of them in a collection."""
    for made in (status, logs, history):
        namespace.add_task(made)
