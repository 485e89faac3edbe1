"""HTTP clients whose requests are spans: of this platform's own services, and of everyone else."""

from typing import Any

import httpx

from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import Span, start_span, use_span

CLIENT_ERROR = 400


class OutsideClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` for servers outside the platform: nothing of a trace goes there.

    The span names the server only: a path may hold what a tenant sent.
    """

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; its span ends with the answer's headers (a stream goes on after it)."""
        span = start_span(request.method, kind="client")
        self._prepare(request, span)
        if not span.recording:
            return await super().send(request, **options)
        url = request.url
        span.set("http.request.method", request.method)
        span.set("server.address", url.host)
        span.set("server.port", url.port or (443 if url.scheme == "https" else 80))
        try:
            with use_span(span):
                response = await super().send(request, **options)
            span.set("http.response.status_code", response.status_code)
            if response.status_code >= CLIENT_ERROR:
                span.error(str(response.status_code))
            return response
        finally:
            span.end()

    def _prepare(self, request: httpx.Request, span: Span) -> None:
        """Do nothing to a request that leaves the platform."""


class InsideClient(OutsideClient):
    """An `httpx.AsyncClient` for this platform's own services: each request carries the trace context.

    It never uses the environment's proxy.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trust_env": False} | options)

    def _prepare(self, request: httpx.Request, span: Span) -> None:
        _carry(request, span.context)
        span.set("url.path", request.url.path)


def _carry(request: httpx.Request, context: TraceContext) -> None:
    if context.trace_id:
        request.headers["traceparent"] = context.traceparent
    if context.state:
        request.headers["tracestate"] = context.state
