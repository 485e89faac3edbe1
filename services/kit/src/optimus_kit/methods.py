"""HEAD wherever GET is answered, and OPTIONS on every path: uptime checkers ask these first."""

from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# What the router notes about the route that it chose, for metrics and logs.
ROUTE = ("route", "endpoint", "path_params")


class Methods:
    """Answers HEAD by GET without its body, and OPTIONS by the path's methods (RFC 9110, 9.3.2 and 9.3.7)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method = scope["method"] if scope["type"] == "http" else ""
        if method == "HEAD" and not _answers(scope, "HEAD") and _answers(scope, "GET"):
            await self._head(scope, receive, send)
        elif method == "OPTIONS" and (allowed := allowed_methods(scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_no_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_no_body)
        finally:
            scope.update({name: as_get[name] for name in ROUTE if name in as_get})


def allowed_methods(scope: Scope) -> list[str]:
    """Return the methods that the path has; none where there is no such path, or where it answers OPTIONS itself."""
    if _answers(scope, "OPTIONS"):
        return []
    found = [method for method in METHODS if _answers(scope, method)]
    if "GET" in found and "HEAD" not in found:
        found.insert(found.index("GET") + 1, "HEAD")
    return [*found, "OPTIONS"] if found else []


def _answers(scope: Scope, method: str) -> bool:
    routes = scope["app"].router.routes
    return any(route.matches({**scope, "method": method})[0] == Match.FULL for route in routes)
