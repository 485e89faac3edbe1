"""`invoke traces.*`: traces of requests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from invoke.collection import Collection
from invoke.context import Context

from optimus_ops.commandline.flag_types import Seconds
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from optimus_ops.engine.service_names import ServiceNames

WithinSeconds = Annotated[float, Seconds(least=0.5, most=600)]
SearchSeconds = Annotated[float, Seconds(most=600)]


@task(
    help={
        "trace": "id of the trace, also without the flag; a traceparent or the header X-Trace-Id will do",
        "last": "the newest trace",
        "tempo": "HTTP API of another Tempo (v1 or v2) or qryn, such as http://localhost:3200",
        "json": "print one JSON document on standard output",
    },
)
def show(_: Context, trace: str = "", last: bool = False, tempo: str = "", json: bool = False) -> None:
    """Show a trace as a waterfall: services, durations, critical path, errors, gaps."""
    from optimus_ops.traces.show import ShowRequest
    from optimus_ops.traces.show import show as show_trace

    show_trace(ShowRequest(trace, last=last, tempo=tempo), json=json)


@task(
    iterable=["target"],
    help={
        "tempo": "HTTP API of another Tempo (v1 or v2) or qryn, such as http://localhost:3200",
        "otlp": "another collector's port for OTLP over HTTP, such as http://localhost:4318",
        "loki": "HTTP API of another Loki, such as http://localhost:3100",
        "target": "where requests are sent to: URL, or SERVICE=URL (repeatable; default: the stack's balancer)",
        "within": "seconds in which traces and logs have to be there (10)",
        "search": "seconds in which search has to find the traces, too (default: its absence is only noted)",
        "report": "folder for the report: HTML, Markdown, JSON",
        "json": "print one JSON document on standard output",
    },
)
def smoke(
    _: Context,
    target: list[str],
    tempo: str = "",
    otlp: str = "",
    loki: str = "",
    within: WithinSeconds = 10,
    search: SearchSeconds = 0,
    report: str = "",
    json: bool = False,
) -> None:
    """Send requests through the balancer, and verify that each is found as one whole trace, with its logs."""
    from optimus_ops.traces.smoke.command import SmokeRequest
    from optimus_ops.traces.smoke.command import smoke as run_smoke
    from optimus_ops.traces.smoke.places import PlaceFlags

    places = PlaceFlags(tempo, otlp, loki, tuple(target))
    run_smoke(SmokeRequest(places, within, search or None, report), json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the collection `traces`, and `trace-smoke-test` beside it."""
    namespace.add_task(smoke, name="trace-smoke-test")
    namespace.add_collection(Collection.from_module(sys.modules[__name__], name="traces"))
