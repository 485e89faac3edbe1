"""Connections over HTTP that another thread may cut."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress


def make_connection(scheme: str, host: str, port: int, seconds: float) -> http.client.HTTPConnection:
    """Return a connection that is not open yet; `seconds` is how long each step of it may take."""
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=seconds)


def cut(connection: http.client.HTTPConnection) -> None:
    """End what another thread waits for on a connection; one that is not open is left as it is."""
    if connection.sock is not None:
        with suppress(OSError):
            # Not of the TLS socket: that would be taken from under the thread that reads it.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
