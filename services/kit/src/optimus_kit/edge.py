"""The outermost ASGI layer: headers, drain, what is in flight, metrics, access log, span, last-resort errors.

One layer instead of one per concern, because each layer costs every request a coroutine and a closure.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimus_kit.access_log import Access
from optimus_kit.drain import Drain
from optimus_kit.errors import ApiError
from optimus_kit.handshake import Handshake
from optimus_kit.own_answers import TRACE_ID, answer_ids
from optimus_kit.server_span import CLIENT_GONE, GONE, RequestIdentity, end_request_span, read_identity
from optimus_kit.tracing import Span, current_span, start_request, use_span

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/health", "/ready", "/metrics"})
# ASGI extension: a callable that tells whether a part of the request's body has not come yet (http_protocol.py).
UNREAD = "optimus.unread"

log = logging.getLogger("optimus.request")


def route_of(scope: Scope) -> str:
    """Return the route's template, so that metrics do not grow with the paths that callers invent."""
    path = getattr(scope.get("route"), "path", None)
    if path is None and (endpoint := scope.get("endpoint")) is not None:
        # Starlette's own routes note their endpoint only.
        paths = (route.path for route in scope["app"].routes if getattr(route, "endpoint", None) == endpoint)
        path = next(paths, None)
    return path if isinstance(path, str) else "unmatched"


class Edge:
    """Wraps the application; see the module.

    Args:
        app: the application inside.
        hostname: for X-Served-By.
        drain: read for the drain header and kept up to date on what is in flight.
        observe: is told route, method, status, seconds, tenant and id of the recorded trace of each request.
        inflight_changed: called whenever what is in flight has changed.
        access: is told each request but the probes.
        max_inflight: more requests at once than this are answered 503; 0 is no bound.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hostname: str,
        drain: Drain,
        observe: Callable[[str, str, int, float, str | None, str | None], None],
        inflight_changed: Callable[[], None],
        access: Callable[[Access], None],
        max_inflight: int = 0,
    ) -> None:
        self._app = app
        self._served_by = (b"x-served-by", hostname.encode("latin-1", "replace"))
        self._drain = drain
        self._observe = observe
        self._inflight_changed = inflight_changed
        self._access = access
        self._max_inflight = max_inflight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        identity = read_identity(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = identity.request_id
        span = start_request(identity.came_with, rootless=identity.rootless, probe=scope["path"] in QUIET)
        state[TRACE_ID] = span.context.trace_id
        headers = self._headers(identity, span)
        status = 0
        drain = self._drain
        # An answer before the body's end: the client may never send the rest, so the connection can't be used again.
        unread = scope.get("extensions", {}).get(UNREAD, _all_read)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *headers]
                if drain.draining or unread():
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        drain.inflight += 1
        self._inflight_changed()
        try:
            with use_span(span):
                await self._guarded(scope, receive, send_with_headers, lambda: status)
        finally:
            drain.inflight -= 1
            self._inflight_changed()
            self._record(scope, span, status, time.perf_counter() - started)

    def _headers(self, identity: RequestIdentity, span: Span) -> list[tuple[bytes, bytes]]:
        return [self._served_by, *answer_ids(identity.request_id, span.context.trace_id)]

    async def _guarded(self, scope: Scope, receive: Receive, send: Send, status: Callable[[], int]) -> None:
        """Serve it; what the application does not catch is answered 500, or cuts the answer that has begun."""
        try:
            if self._max_inflight and self._drain.inflight > self._max_inflight and scope["path"] not in QUIET:
                await self._refuse(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # It was in flight for longer than the drain lasts; the server's own answer would say no ids.
            if not status():
                await _internal_error()(scope, receive, send)
            raise
        except ClientDisconnect:
            # Gone before its body was here: nobody is left to be answered, and nothing has failed.
            current_span().error(GONE)
        except Exception as error:
            identity = scope["state"]["request_id"]
            log.exception("request %s failed: %s %s", identity, scope["method"], route_of(scope))
            current_span().error(type(error).__name__)
            if status():
                raise
            await _internal_error()(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = ApiError(503, "This replica serves as much as it can.", code="overloaded", headers={"Retry-After": "1"})
        await error.response()(scope, receive, send)

    def _record(self, scope: Scope, span: Span, status: int, seconds: float) -> None:
        # A response that never began is the client's going away (499, as nginx has it).
        status = status or CLIENT_GONE
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        route, tenant, context = route_of(scope), scope["state"].get("tenant"), span.context
        self._observe(route, method, status, seconds, tenant, context.trace_id if span.recording else None)
        end_request_span(span, scope, method, route, status)
        if scope["path"] not in QUIET:
            identity = scope["state"]["request_id"]
            self._access(Access(identity, tenant, method, scope["path"], status, seconds, context))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        identity = read_identity(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = identity.request_id
        span = start_request(identity.came_with, rootless=identity.rootless)
        state[TRACE_ID] = span.context.trace_id
        handshake = Handshake(self._headers(identity, span), send)
        self._drain.inflight += 1
        self._inflight_changed()
        try:
            with use_span(span):
                await handshake.run(self._app, scope, receive)
        finally:
            self._drain.inflight -= 1
            self._inflight_changed()
            end_request_span(span, scope, "GET", route_of(scope), handshake.status or CLIENT_GONE)


def _internal_error() -> Any:
    return ApiError(500, "Something went wrong on our side. The request id helps to find it.").response()


def _all_read() -> bool:
    return False
