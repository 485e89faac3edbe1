"""Why a request over HTTP got no answer, in words."""

from __future__ import annotations

import http.client
import ssl

from optimus_ops.text.escapes import safe_to_show

SHOWN = 120


def why_no_answer(error: Exception) -> str:
    """Return what an error of a socket or of `http.client` says, without anything of the request."""
    if isinstance(error, TimeoutError):
        return "no whole answer in time"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS, or its certificate is not trusted"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return "the connection was closed"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer ended early"
    if isinstance(error, http.client.HTTPException | ValueError):
        return "its answer is not HTTP"
    return safe_to_show(str(getattr(error, "strerror", None) or error))[:SHOWN]
