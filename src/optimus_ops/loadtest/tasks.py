"""`invoke load-test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.flag_types import Amount, Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.collection import Collection
    from invoke.context import Context

    from optimus_ops.engine.service_names import ServiceNames

UserCount = Annotated[int, Count(most=10_000, noun="a number of users is a whole number", hint=None)]
WorkerCount = Annotated[int, Count(most=64, noun="a number of workers is a whole number", hint=None)]
RequestRate = Annotated[float, Amount(most=50_000, noun="requests per second")]


@task(
    name="load-test",
    iterable=["tenant", "allow_target", "compare"],
    help={
        "users": "users, each of whom waits for an answer before the next request (10)",
        "duration": "how long, such as 60s, 5m, 1h30m (60s); of a profile: its times are stretched",
        "endpoint": "chat, stream, webhook, search, dashboard, mixed, or a path such as /v1/models (mixed)",
        "rate": "requests per second, whether the platform answers or not; of a profile: its highest rate",
        "profile": "load and objectives of a file: campaign, noisy-neighbour, smoke, soak, spike, steady",
        "engine": "locust or k6 (locust)",
        "tenant": "tenant in whose name requests are sent (repeatable; default: all that have a key)",
        "workers": "processes that generate load (1)",
        "target": "URL that all requests go to (default: the stack's balancer)",
        "allow_target": "host that is neither this machine nor in a private network, and may be loaded (repeatable)",
        "compare": "JSON file of an earlier run's report, or a folder of such, to be compared with (repeatable)",
        "report": "folder for the report: HTML, Markdown, JSON, JUnit",
        "plan": "show what would be sent, and send nothing",
        "json": "print one JSON document on standard output",
    },
)
def load_test(
    _: Context,
    tenant: list[str],
    allow_target: list[str],
    compare: list[str],
    users: UserCount | None = None,
    duration: str = "",
    endpoint: str = "",
    rate: RequestRate | None = None,
    profile: str = "",
    engine: str = "locust",
    workers: WorkerCount = 1,
    target: str = "",
    report: str = "",
    plan: bool = False,
    json: bool = False,
) -> None:
    """Offer load to the stack and measure it: rate, failures, latency from the intended start, by class and tenant."""
    from optimus_ops.loadtest.command import load_test as run
    from optimus_ops.loadtest.flags import LoadFlags
    from optimus_ops.loadtest.request import LoadRequest
    from optimus_ops.text.durations import parse_duration

    seconds = parse_duration(duration, "--duration") if duration else 0.0
    flags = LoadFlags(endpoint, users or 0, rate or 0.0, seconds, tuple(tenant))
    request = LoadRequest(
        flags, profile, engine, workers, target, tuple(allow_target), tuple(compare), report, plan=plan
    )
    run(request, json=json)


def _profiles() -> Sequence[str]:
    from optimus_ops.loadtest.platform import describe_platform
    from optimus_ops.loadtest.profile_file import profile_names
    from optimus_ops.project.settings import load_project

    return profile_names(describe_platform(load_project()))


completions = {"--profile": _profiles, "--engine": lambda: ("locust", "k6")}


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add `load-test`."""
    namespace.add_task(load_test)
