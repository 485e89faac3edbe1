"""`invoke traces.*`: traces of requests."""

from __future__ import annotations

from invoke.context import Context

from optimus_ops.commandline.task_decorator import task


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
