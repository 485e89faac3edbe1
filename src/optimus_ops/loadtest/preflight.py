"""One request to each target before the load: a target that can't be loaded is told in words, and nothing is sent."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from optimus_ops.errors import Refused

SECONDS = 10.0


def check_targets(urls: Iterable[str], seconds: float = SECONDS) -> None:
    """Ask each target for its root: any answer below 500 will do.

    Raises:
        Refused: one refuses, resets or hangs, has a certificate that is not trusted, or answers with a server error.
    """
    for url in dict.fromkeys(urls):
        if trouble := _trouble(url, seconds):
            raise Refused(f"{url}: {trouble}", "nothing was sent; is it the right address, and is the service well?")


def _trouble(url: str, seconds: float) -> str:
    try:
        status = _status(url, seconds)
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({error.verify_message})"
    except ssl.SSLError:
        return "it does not speak TLS"
    except ConnectionRefusedError:
        return "connection refused"
    except (http.client.RemoteDisconnected, ConnectionError, http.client.IncompleteRead):
        return "it closes the connection without an answer"
    except http.client.HTTPException:
        return "its answer is not HTTP"
    except OSError as error:
        return f"it can't be reached ({error.strerror or error})"
    return f"it answers {status}" if status >= 500 else ""


def _status(url: str, seconds: float) -> int:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
