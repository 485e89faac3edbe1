"""What a request's headers say about who it is, and what its span says in the end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.types import Scope

from optimus_kit.random_id import random_id
from optimus_kit.trace_context import TraceContext, read_headers
from optimus_kit.tracing import SharedAttributes, Span

REQUEST_ID = re.compile(rb"[A-Za-z0-9_.-]{1,128}\Z")
BALANCER = b"balancer"
CLIENT_GONE = 499
GONE = "client_gone"
SERVER_ERROR = 500
UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """Who a request is.

    Args:
        request_id: the caller's X-Request-Id when it is well-formed, else a new one.
        came_with: its trace context, if it has a valid one.
        rootless: the balancer made that context: its trace id is given, and there is no span of that id.
    """

    request_id: str
    came_with: TraceContext | None
    rootless: bool


def read_identity(scope: Mapping[str, Any]) -> RequestIdentity:
    """Read the headers once."""
    request_id = ""
    traceparents: list[bytes] = []
    tracestates: list[bytes] = []
    rootless = False
    for name, value in scope["headers"]:
        if name == b"traceparent":
            traceparents.append(value)
        elif name == b"tracestate":
            tracestates.append(value)
        elif name == b"x-trace-origin":
            rootless = value == BALANCER
        elif name == b"x-request-id" and not request_id and REQUEST_ID.match(value):
            request_id = str(value, "ascii")
    came_with = read_headers(traceparents, tracestates) if traceparents else None
    return RequestIdentity(request_id or random_id(), came_with, rootless)


def end_request_span(span: Span, scope: Scope, method: str, route: str, status: int) -> None:
    """Give a request's span its name and attributes, once they are known, and end it.

    Args:
        span: of the request.
        scope: of the request; its path may hold what a client invents, so it is no part of the name.
        method: one of few.
        route: the route's template, or "unmatched".
        status: of the answer; CLIENT_GONE where none began.
    """
    if not span.recording:
        return
    state: Mapping[str, Any] = scope["state"]
    name, attributes = _described(method, route, status, state.get("tenant"))
    span.rename(name)
    span.update(attributes)
    span.update({"url.path": scope["path"], "optimus.request_id": state["request_id"]})
    if status >= SERVER_ERROR:
        span.error(str(status))
    elif status == CLIENT_GONE:
        span.error(GONE)
    span.end()


@lru_cache(maxsize=1024)
def _described(method: str, route: str, status: int, tenant: str | None) -> tuple[str, SharedAttributes]:
    matched = route != UNMATCHED
    attributes = {
        "http.request.method": method,
        "http.route": route if matched else None,
        "optimus.tenant": tenant,
        "http.response.status_code": status if status != CLIENT_GONE else None,
    }
    return f"{method} {route}" if matched else method, SharedAttributes(attributes)
