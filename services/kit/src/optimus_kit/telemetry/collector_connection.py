"""A connection to a collector that sends one request at a time, each within one deadline.

`http.client` has a time-out for each read of a socket only: a collector that sends a byte a second holds it for ever.
"""

import socket
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from optimus_kit.telemetry.settings import Collector, tls_context

MAX_ANSWER = 65_536
CHUNK = 65_536
# What an HTTP/2 server (OTLP over gRPC) says first is a frame of type SETTINGS on stream 0 (RFC 9113, 3.4 and 6.5).
HTTP2_SETTINGS = b"\x04"


class NoHttpError(Exception):
    """What came is no answer of HTTP/1.1; the message says what it is."""


@dataclass
class Answer:
    """An answer; `headers` by lower-case name."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class CollectorConnection:
    """Kept open between requests. Used by one thread.

    Args:
        collector: where to.
        headers: sent with each request.

    Raises:
        SettingsError: a certificate that cannot be used.
    """

    def __init__(self, collector: Collector, headers: dict[str, str]) -> None:
        parts = urlsplit(collector.url)
        tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if tls else 80)
        # Read once: the file may be gone by the time that a connection is made.
        self._tls: ssl.SSLContext | None = tls_context(collector) if tls else None
        all_headers = {"Host": parts.netloc, "Accept": "*/*", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        self._head = f"POST {parts.path or '/'} HTTP/1.1\r\n{lines}".encode("latin-1")
        self._socket: socket.socket | None = None

    def post(self, body: bytes, deadline: float) -> Answer:
        """Send a body and return the answer.

        Args:
            body: of the request.
            deadline: by `time.monotonic`.

        Raises:
            OSError: no connection, or no whole answer by the deadline (TimeoutError).
            NoHttpError: what came is no answer.
        """
        content = b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)
        kept = self._socket is not None
        try:
            return self._exchange(content, deadline)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self.close()
            if not kept:
                raise
            # A connection that was kept may have been closed by the other side meanwhile: that says nothing.
            return self._fresh(content, deadline)
        except (OSError, NoHttpError):
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _fresh(self, content: bytes, deadline: float) -> Answer:
        try:
            return self._exchange(content, deadline)
        except (OSError, NoHttpError):
            self.close()
            raise

    def _exchange(self, content: bytes, deadline: float) -> Answer:
        connected = self._socket = self._socket or self._connect(deadline)
        _send(connected, content, deadline)
        reading = _Reading()
        while not reading.complete:
            connected.settimeout(_left(deadline))
            reading.feed(connected.recv(CHUNK))
        if not reading.reusable:
            self.close()
        return reading.answer

    def _connect(self, deadline: float) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), _left(deadline))
        if self._tls is None:
            return plain
        try:
            plain.settimeout(_left(deadline))
            return self._tls.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise


class _Reading:
    """An answer as it comes in; httptools calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.complete = False
        self.reusable = False
        self._parser = HttpResponseParser(self)
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take what came; nothing means that the other side has closed."""
        if not data:
            self._end_of_stream()
            return
        first = not self._size
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if first and data[3:4] == HTTP2_SETTINGS:
                raise NoHttpError("it speaks gRPC; OTLP over HTTP has another port, mostly 4318") from None
            raise NoHttpError("it does not speak HTTP/1.1") from None
        # An answer longer than any collector's says enough by its status.
        self.complete = self.complete or (self._size > MAX_ANSWER and self.answer.status > 0)

    def _end_of_stream(self) -> None:
        if not self._size:
            raise ConnectionResetError
        if not self.answer.status or {"content-length", "transfer-encoding"} & self.answer.headers.keys():
            raise NoHttpError("its answer is cut off")
        self.complete = True

    def on_message_begin(self) -> None:
        self.answer = Answer()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.answer.body += body

    def on_message_complete(self) -> None:
        # 1xx only announce the answer.
        self.complete = self.answer.status >= 200
        self.reusable = self.complete and self._parser.should_keep_alive()


def _send(connected: socket.socket, content: bytes, deadline: float) -> None:
    rest = memoryview(content)
    while rest:
        connected.settimeout(_left(deadline))
        rest = rest[connected.send(rest) :]


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
