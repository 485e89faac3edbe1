"""The dashboard: a page, and the WebSocket that feeds it."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.responses import HTMLResponse, Response

from backend_orchestrator.broadcast import Broadcaster, Subscription, TooManySubscribersError
from backend_orchestrator.dashboard_access import DashboardAccess, NoAccessError

HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 5.0
UNAUTHORIZED = 4401
SESSION_OVER = 4408
TRY_AGAIN_LATER = 1013
PROTOCOL = "optimus.dashboard"
_TOKEN_PROTOCOL = "optimus.token."  # noqa: S105 - a prefix


def page_routes() -> APIRouter:
    """`GET /` and `GET /dashboard`: the page, with everything it needs inside."""
    router = APIRouter(tags=["dashboard"])
    page = files("backend_orchestrator").joinpath("dashboard.html").read_text(encoding="utf-8")
    headers = {
        "Content-Security-Policy": content_policy(page),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }

    async def show() -> Response:
        """The dashboard's page; it asks for the token itself."""
        return HTMLResponse(page, headers=headers)

    router.add_api_route("/", show, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/dashboard", show, methods=["GET"], response_class=HTMLResponse)
    return router


def content_policy(page: str) -> str:
    """The Content-Security-Policy under which only the page's own script and style run, and it calls only home."""

    def hashes(tag: str) -> str:
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found)
        return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"

    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def socket_routes(broadcaster: Broadcaster, access: DashboardAccess, clock: Callable[[], float]) -> APIRouter:
    """`/ws/dashboard`: a picture at once, another whenever something changed, a heartbeat when nothing does.

    A socket that a session opened is closed with the session.
    """
    router = APIRouter()

    @router.websocket("/ws/dashboard")
    async def dashboard(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        # Accepted first: a refusal before that reaches browsers without its code.
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        try:
            ends_at = access.until(_token(socket))
        except NoAccessError:
            await socket.close(UNAUTHORIZED, "a valid token is wanted")
            return
        try:
            async with broadcaster.subscribe() as subscription, _closed_at(socket, ends_at, clock):
                await _serve(socket, subscription, clock)
        except TooManySubscribersError:
            await socket.close(TRY_AGAIN_LATER, "too many dashboards are open")

    return router


@asynccontextmanager
async def _closed_at(socket: WebSocket, ends_at: float | None, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Ends what is done here, and the socket, at a time; None: never."""
    try:
        async with asyncio.timeout(None if ends_at is None else max(0.0, ends_at - clock())):
            yield
    except TimeoutError:
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(SESSION_OVER, "the session is over")


async def _serve(socket: WebSocket, subscription: Subscription, clock: Callable[[], float]) -> None:
    """Feed one dashboard until it goes away, or is too slow to be fed."""
    tasks = [asyncio.create_task(_feed(socket, subscription, clock)), asyncio.create_task(_until_gone(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(SEND_SECONDS):
            await socket.close(TRY_AGAIN_LATER, "too slow")


async def _feed(socket: WebSocket, subscription: Subscription, clock: Callable[[], float]) -> None:
    """Send until a message takes too long: a slow connection is not worth a queue, the page comes back by itself."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        while True:
            snapshot = await subscription.next(HEARTBEAT_SECONDS)
            document = snapshot.document(clock()) if snapshot else {"type": "heartbeat", "at": clock()}
            async with asyncio.timeout(SEND_SECONDS):
                await socket.send_json(document)


async def _until_gone(socket: WebSocket) -> None:
    """Read and ignore what the dashboard says; ends with its connection."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


def _token(socket: WebSocket) -> str | None:
    """The token of the header, the subprotocol (browsers can set no header) or the query (which ends up in logs)."""
    scheme, _, token = socket.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    for offered in socket.scope.get("subprotocols", []):
        if offered.startswith(_TOKEN_PROTOCOL):
            return _decoded(offered.removeprefix(_TOKEN_PROTOCOL))
    return socket.query_params.get("token")


def _decoded(text: str) -> str | None:
    """Base64url without padding, as subprotocol names allow few characters."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
