"""The server over streamable HTTP: on this machine's loopback alone, and for those who show its token."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from optimus_ops.errors import Refused
from optimus_ops.guardrails.serve.messages import MOST_MESSAGE_BYTES
from optimus_ops.guardrails.serve.server import make_server
from optimus_ops.guardrails.serve.token import read_token, shows_token
from optimus_ops.system.signals import handled_by
from optimus_ops.text.console import Console

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
PATH = "/mcp"
MOST_CONNECTIONS = 64
MOST_SESSIONS = 32
IDLE_SECONDS = 1800.0
STOP_SECONDS = 3


@dataclass(frozen=True)
class TokenGate:
    """Passes on the requests that show a token."""

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        shown = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        if scope["type"] == "http" and len(shown) == 1 and shows_token(shown[0], self.token):
            await self.app(scope, receive, send)
            return
        refusal = PlainTextResponse("a bearer token is expected\n", 401, {"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)


def listen(port: int) -> socket.socket:
    """Return a socket on loopback; port 0 takes a free one.

    Raises:
        Refused: the port is taken, or not allowed.
    """
    try:
        return socket.create_server((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        raise Refused(f"port {port} can't be had: {error}", "invoke guardrails.serve --http --port N") from None


def application(server: MCPServer[Any], port: int, token: str) -> ASGIApp:
    """Return the application: a browser that was led here by another name, or from another site, is refused."""
    security = TransportSecuritySettings(
        allowed_hosts=[f"{name}:{port}" for name in NAMES],
        allowed_origins=[f"http://{name}:{port}" for name in NAMES],
    )
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        transport_security=security,
        max_request_body_size=MOST_MESSAGE_BYTES,
        max_sessions=MOST_SESSIONS,
        session_idle_timeout=IDLE_SECONDS,
    )
    return TokenGate(inner, token)


def serve_http(port: int, token_file: Path | None, default: Path) -> None:
    """Answer until SIGINT or SIGTERM; without a file for the token, the default one is made where it is missing.

    Raises:
        Refused: the port or the token can't be used.
    """
    path = token_file or default
    token = read_token(path, make=token_file is None)
    with listen(port) as listener:
        chosen: int = listener.getsockname()[1]
        address = f"http://{LOOPBACK}:{chosen}{PATH}"
        Console.standard().say(f"guardrails answer at {address}; clients show the token of {path}")
        _run(application(make_server(), chosen, token), listener)


def _run(app: ASGIApp, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    running = uvicorn.Server(config)

    def stop(_number: int, _frame: object) -> None:
        running.should_exit = True

    # uvicorn hands a signal on when it has stopped.
    with handled_by(stop):
        running.run(sockets=[listener])
