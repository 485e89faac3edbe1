"""One request over HTTP or as a WebSocket, by locust's fast client (geventhttpclient), checked as a whole."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from gevent.timeout import Timeout
from geventhttpclient.client import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from websocket import WebSocketException, create_connection

from optimus_ops.loadtest.generator.workload import WEBSOCKET, Call, Workload

PIECE = 65_536


@dataclass(slots=True)
class Outcome:
    """What became of a request: why it failed ("" if it did not), and when its first words came."""

    failure: str = ""
    first_token: float | None = None


class Exchange:
    """Requests of one user to one service, on connections of its own."""

    def __init__(self, base: str, timeout: float) -> None:
        self._base, self._timeout = urlsplit(base), timeout
        secure = self._base.scheme == "https"
        self._client = HTTPClient(
            self._base.hostname or "",
            self._base.port,
            connection_timeout=timeout,
            network_timeout=timeout,
            ssl=secure,
            ssl_context_factory=ssl.create_default_context if secure else None,
            concurrency=1,
        )

    def send(self, call: Call, workload: Workload) -> Outcome:
        """Send a request and judge its answer."""
        try:
            with Timeout(self._timeout, TimeoutError):
                if call.method == WEBSOCKET:
                    return Outcome(self._first_message(call, workload))
                return self._answered(call, workload)
        except TimeoutError:
            return Outcome("timeout")
        except ssl.SSLError:
            return Outcome("certificate not trusted")
        except ConnectionRefusedError:
            return Outcome("connection refused")
        except HTTPConnectionClosed:
            return Outcome("connection reset")
        except HTTPParseError:
            return Outcome("malformed answer")
        except OSError:
            return Outcome("connection reset")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _answered(self, call: Call, workload: Workload) -> Outcome:
        path = f"{self._base.path.rstrip('/')}{call.path}"
        response = self._client.request(call.method, path, call.body, dict(call.headers))
        try:
            body, first_token = _read(response, call, workload)
            return Outcome(_failure(call, workload, response, body), first_token)
        except HTTPParseError:
            # Its headers were right: it ended early.
            return Outcome("truncated")
        finally:
            response.release()

    def _first_message(self, call: Call, workload: Workload) -> str:
        scheme = "wss" if self._base.scheme == "https" else "ws"
        try:
            socket = create_connection(
                f"{scheme}://{self._base.netloc}{call.path}",
                timeout=self._timeout,
                header=dict(call.headers),
            )
        except WebSocketException as error:
            return f"status {getattr(error, 'status_code', 0)}"
        try:
            message = socket.recv()
        except WebSocketException:
            return "truncated"
        finally:
            socket.close()
        return workload.wrong(call, message.encode() if isinstance(message, str) else bytes(message))


def _read(response: HTTPSocketPoolResponse, call: Call, workload: Workload) -> tuple[bytes, float | None]:
    if not call.streamed:
        return bytes(response.read()), None
    body, first_token = b"", None
    while piece := response.read(PIECE):
        body += piece
        if first_token is None and workload.begins(call, body):
            first_token = time.monotonic()
    return body, first_token


def _failure(call: Call, workload: Workload, response: HTTPSocketPoolResponse, body: bytes) -> str:
    if response.status_code not in call.statuses:
        return f"status {response.status_code}"
    length = response.content_length
    if length is not None and length >= 0 and length != len(body):
        return "truncated"
    return workload.wrong(call, body)
