"""Sending spans to a collector: OTLP over HTTP, protobuf.

The SDK's own exporter is not used: it takes a redirect for success, goes through the environment's proxy, logs a line
for each attempt, and brings an HTTP client of its own along. What is sent is encoded by the SDK's encoder.
"""

import gzip
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan

from optimus_kit.telemetry.settings import Collector, tls_context

CONTENT_TYPE = "application/x-protobuf"
# OTLP: these may be sent again.
AGAIN = frozenset({429, 502, 503, 504})
FIRST_PAUSE = 0.5
MAX_ANSWER = 65_536


class ExportError(Exception):
    """A batch was not taken. The message says why, without addresses and text of the answer."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class OtlpExporter:
    """Sends batches over one connection that is kept open. Used by one thread.

    Args:
        collector: where to.
        closing: set once nothing is to be tried again.
        complain: told why a batch was not taken, and None for one that was.
    """

    def __init__(self, collector: Collector, closing: threading.Event, complain: Callable[[str | None], None]) -> None:
        self._collector = collector
        self._closing = closing
        self._complain = complain
        self._path = urlsplit(collector.url).path
        self._tls: ssl.SSLContext | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "optimus-kit", **dict(collector.headers)}
        if collector.gzip:
            self._headers["Content-Encoding"] = "gzip"

    def send(self, spans: Sequence[ReadableSpan], seconds: float) -> bool:
        """Send a batch, again where that may help, within `seconds`; tell whether it was taken."""
        try:
            body = encode_spans(spans).SerializeToString()
        except Exception as error:  # noqa: BLE001 - whatever a library put into a span must not end the thread
            self._complain(f"a batch cannot be encoded ({type(error).__name__})")
            return False
        if self._collector.gzip:
            body = gzip.compress(body, 1)
        return self._try(body, time.monotonic() + seconds)

    def _try(self, body: bytes, deadline: float) -> bool:
        pause = FIRST_PAUSE
        while True:
            try:
                self._post(body, deadline - time.monotonic())
            except ExportError as error:
                left = deadline - time.monotonic() - pause
                if not error.again or left <= 0 or self._closing.wait(pause):
                    self._complain(str(error))
                    return False
                pause *= 2
            else:
                self._complain(None)
                return True

    def _post(self, body: bytes, seconds: float) -> None:
        kept = self._connection is not None
        try:
            self._post_once(body, seconds)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            # A connection that was kept may have been closed by the other side meanwhile: that says nothing.
            self._close()
            if not kept:
                raise ExportError(f"no connection to the collector ({_reason(error)})", again=True) from None
            self._post_fresh(body, seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._close()
            raise _failure(error) from None

    def _post_fresh(self, body: bytes, seconds: float) -> None:
        try:
            self._post_once(body, seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._close()
            raise _failure(error) from None

    def _post_once(self, body: bytes, seconds: float) -> None:
        connection = self._connection or self._connect()
        connection.timeout = max(seconds, 0.001)
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        connection.request("POST", self._path, body, self._headers)
        response = connection.getresponse()
        answer = response.read(MAX_ANSWER)
        if not response.isclosed():
            # An answer longer than any collector's.
            self._close()
        _check(response.status, response.getheader("Content-Type", ""), answer)

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._collector.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            self._tls = self._tls or tls_context(self._collector)
            self._connection = http.client.HTTPSConnection(host, parts.port or 443, context=self._tls)
        else:
            self._connection = http.client.HTTPConnection(host, parts.port or 80)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _failure(error: Exception) -> ExportError:
    if isinstance(error, ssl.SSLError):
        return ExportError(f"no TLS with the collector ({_reason(error)})")
    if isinstance(error, TimeoutError):
        return ExportError("the collector does not answer in time")
    if isinstance(error, OSError):
        return ExportError(f"no connection to the collector ({_reason(error)})", again=True)
    return ExportError(f"the collector does not speak HTTP/1.1 ({type(error).__name__})")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "SSLError").replace("_", " ").lower()
    return type(error).__name__


def _check(status: int, content_type: str, answer: bytes) -> None:
    """Raise unless the answer is that of a collector that has taken all spans."""
    if status in AGAIN:
        raise ExportError(f"the collector answers {status}", again=True)
    if 300 <= status < 400:
        raise ExportError(f"the collector's address redirects ({status}); it has to be the final one")
    if not 200 <= status < 300:
        raise ExportError(f"the collector answers {status}")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/html":
        raise ExportError("the collector's address answers with a web page; it is no OTLP endpoint")
    if kind == CONTENT_TYPE:
        _check_rejected(answer)


def _check_rejected(answer: bytes) -> None:
    try:
        rejected = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        raise ExportError("the collector's answer is no OTLP") from None
    if rejected:
        raise ExportError(f"the collector rejects {rejected} spans")
