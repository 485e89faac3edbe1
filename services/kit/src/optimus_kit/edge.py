"""The outermost ASGI layer: identity headers, drain header, in-flight count, metrics, access log, last-resort errors.

One layer instead of one per concern, because each layer costs every request a coroutine and a closure.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimus_kit.access_log import Access
from optimus_kit.drain import Drain
from optimus_kit.errors import ApiError

REQUEST_ID = re.compile(rb"[A-Za-z0-9_.-]{1,128}\Z")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/health", "/ready", "/metrics"})
# ASGI extension: a callable that tells whether a part of the request's body has not come yet (http_protocol.py).
UNREAD = "optimus.unread"

log = logging.getLogger("optimus.request")


def request_id(scope: Scope) -> str:
    """Return the caller's X-Request-Id when it is well-formed, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


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
        observe: is told route, method, status and seconds of each request.
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
        observe: Callable[[str, str, int, float], None],
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
        identity = request_id(scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = identity
        headers = [self._served_by, (b"x-request-id", identity.encode())]
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
            if self._max_inflight and drain.inflight > self._max_inflight and scope["path"] not in QUIET:
                await self._refuse(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("request %s failed: %s %s", identity, scope["method"], route_of(scope))
            if status:
                raise
            await _internal_error()(scope, receive, send_with_headers)
        finally:
            drain.inflight -= 1
            self._inflight_changed()
            self._record(scope, identity, status, time.perf_counter() - started)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = ApiError(503, "This replica serves as much as it can.", code="overloaded", headers={"Retry-After": "1"})
        await error.response()(scope, receive, send)

    def _record(self, scope: Scope, identity: str, status: int, seconds: float) -> None:
        # A response that never began is the client's going away (499, as nginx has it).
        status = status or 499
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._observe(route_of(scope), method, status, seconds)
        if scope["path"] not in QUIET:
            tenant = scope["state"].get("tenant")
            self._access(Access(identity, tenant, method, scope["path"], status, seconds))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope.setdefault("state", {})
        identity = state["request_id"] = request_id(scope)
        headers = [self._served_by, (b"x-request-id", identity.encode())]

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"websocket.accept", "websocket.http.response.start"}:
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        self._drain.inflight += 1
        self._inflight_changed()
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._drain.inflight -= 1
            self._inflight_changed()


def _internal_error() -> Any:
    return ApiError(500, "Something went wrong on our side. The request id helps to find it.").response()


def _all_read() -> bool:
    return False
