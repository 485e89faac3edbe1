"""`invoke load-test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.collection import Collection
    from invoke.context import Context

    from optimus_ops.engine.service_names import ServiceNames

UserCount = Annotated[int, Count(most=10_000, noun="a number of users is a whole number", hint=None)]
WorkerCount = Annotated[int, Count(most=64, noun="a number of workers is a whole number", hint=None)]


@task(
    name="load-test",
    iterable=["tenant", "allow_target"],
    help={
        "users": "users, each of whom waits for an answer before the next request (10)",
        "duration": "how long, such as 60s, 5m, 1h30m (60s)",
        "endpoint": "chat, stream, webhook, search, dashboard, mixed, or a path such as /v1/models (mixed)",
        "tenant": "tenant in whose name requests are sent (repeatable; default: all that have a key)",
        "workers": "processes that generate load (1)",
        "target": "URL that all requests go to (default: the stack's balancer)",
        "allow_target": "host that is neither this machine nor in a private network, and may be loaded (repeatable)",
        "report": "folder for the report: HTML, Markdown, JSON, JUnit",
        "json": "print one JSON document on standard output",
    },
)
def load_test(
    _: Context,
    tenant: list[str],
    allow_target: list[str],
    users: UserCount | None = None,
    duration: str = "",
    endpoint: str = "",
    workers: WorkerCount = 1,
    target: str = "",
    report: str = "",
    json: bool = False,
) -> None:
    """Offer load to the stack and measure it: rate, failures, latency from the intended start, by class and tenant."""
    from optimus_ops.loadtest.command import LoadRequest
    from optimus_ops.loadtest.command import load_test as run
    from optimus_ops.loadtest.flags import LoadFlags, parse_duration

    seconds = parse_duration(duration, "--duration") if duration else 0.0
    flags = LoadFlags(endpoint, users or 0, 0.0, seconds, tuple(tenant))
    run(LoadRequest(flags, "locust", workers, target, tuple(allow_target), report), json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add `load-test`."""
    namespace.add_task(load_test)
