"""HTTP clients whose requests are spans: of this platform's own services, and of everyone else."""

from dataclasses import replace
from urllib.parse import urlsplit

from optimus_kit.http_client import HttpClient, HttpRequest, StreamedAnswer
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import Span, start_span, use_span

CLIENT_ERROR = 400


class OutsideClient(HttpClient):
    """A client for servers outside the platform: nothing of a trace goes there.

    The span names the server only: a path may hold what a tenant sent.
    """

    async def open(self, request: HttpRequest) -> StreamedAnswer:
        """Send a request; its span ends with the answer's headers (a stream goes on after it)."""
        span = start_span(request.method, kind="client")
        request = self._prepare(request, span)
        if not span.recording:
            return await super().open(request)
        url = urlsplit(request.url)
        span.set("http.request.method", request.method)
        span.set("server.address", url.hostname or "")
        span.set("server.port", url.port or (443 if url.scheme == "https" else 80))
        try:
            with use_span(span):
                answer = await super().open(request)
            span.set("http.response.status_code", answer.status)
            if answer.status >= CLIENT_ERROR:
                span.error(str(answer.status))
            return answer
        finally:
            span.end()

    def _prepare(self, request: HttpRequest, _span: Span) -> HttpRequest:
        """Leave a request as it is that leaves the platform."""
        return request


class InsideClient(OutsideClient):
    """A client for this platform's own services: each request carries the trace context."""

    def _prepare(self, request: HttpRequest, span: Span) -> HttpRequest:
        if span.recording:
            span.set("url.path", urlsplit(request.url).path)
        carried = _carried(span.context)
        return replace(request, headers={**request.headers, **carried}) if carried else request


def _carried(context: TraceContext) -> dict[str, str]:
    told = {"traceparent": context.traceparent if context.trace_id else "", "tracestate": context.state}
    return {name: value for name, value in told.items() if value}
