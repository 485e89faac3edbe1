"""The HTTP client of this platform's own services: each request is a span and carries the trace context.

Clients of providers are plain httpx clients: nothing of a trace goes there.
"""

from typing import Any

import httpx

from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import start_span, use_span

CLIENT_ERROR = 400


class InsideClient(httpx.AsyncClient):
    """An `httpx.AsyncClient`, with telemetry on or off; it never uses the environment's proxy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trust_env": False} | options)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; its span ends with the answer's headers (a stream goes on after it)."""
        span = start_span(request.method, kind="client")
        _carry(request, span.context)
        if not span.recording:
            return await super().send(request, **options)
        url = request.url
        span.set("http.request.method", request.method)
        span.set("server.address", url.host)
        span.set("server.port", url.port or 80)
        span.set("url.path", url.path)
        try:
            with use_span(span):
                response = await super().send(request, **options)
            span.set("http.response.status_code", response.status_code)
            if response.status_code >= CLIENT_ERROR:
                span.error(str(response.status_code))
            return response
        finally:
            span.end()


def _carry(request: httpx.Request, context: TraceContext) -> None:
    if context.trace_id:
        request.headers["traceparent"] = context.traceparent
    if context.state:
        request.headers["tracestate"] = context.state
