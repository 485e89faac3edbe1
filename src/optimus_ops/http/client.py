"""Requests over HTTP: no redirects, a deadline and a bound for the whole answer, the environment's proxy."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from optimus_ops.http.address import HttpAddress
from optimus_ops.http.deadlines import Deadlines
from optimus_ops.text.escapes import safe_to_show

SHOWN = 120
OWN_HEADERS = {"User-Agent": "optimus-ops", "Connection": "close", "Accept-Encoding": "identity"}


class NoAnswer(Exception):  # noqa: N818 - what there was
    """There is no whole answer; the text says why, without anything of the request.

    `nobody_there` tells that the address itself is wrong, or nothing listens there.
    """

    def __init__(self, text: str, *, nobody_there: bool = False) -> None:
        super().__init__(text)
        self.nobody_there = nobody_there


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, its headers and its body."""

    status: int
    headers: Message
    content: bytes

    @property
    def media_type(self) -> str:
        """The type of its body, in lower case without parameters."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, as a server without such an API answers."""
        return self.media_type == "text/html" or self.content.lstrip()[:9].lower() in {b"<!doctype", b"<html"}

    @property
    def first_line(self) -> str:
        """The beginning of its text, for messages; "" of a page."""
        if self.is_page:
            return ""
        text = safe_to_show(self.content[: 4 * SHOWN].decode("utf-8", "replace")).strip()
        return text.partition("\n")[0][:SHOWN]

    @property
    def status_line(self) -> str:
        """Its status with its name, for messages."""
        return f"{self.status} {http.client.responses.get(self.status, '')}".rstrip()


Route = tuple[http.client.HTTPConnection, str, Mapping[str, str]]
"""What connects to an address, what precedes paths on it, and the headers that it needs."""


@dataclass(frozen=True)
class HttpClient:
    """Sends requests.

    Args:
        seconds: for a request and its whole answer.
        keeps: whether connections are kept for the next request; else each has one of its own.
    """

    seconds: float
    most_bytes: int
    keeps: bool = False
    _open: set[http.client.HTTPConnection] = field(default_factory=set)
    _idle: dict[tuple[str, str, int], list[Route]] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def send(
        self, address: HttpAddress, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Send a request to a path below an address.

        Raises:
            NoAnswer: there is none, or not all of one.
        """
        late = threading.Event()
        try:
            if kept := self._kept(address):
                with suppress(ConnectionError):
                    return self._exchange(kept, late, address, method, path, headers, body)
                # Whoever answers had closed it by now, which is no answer to this request.
                if late.is_set():
                    raise TimeoutError
            return self._exchange(
                _route(address, self.seconds, lambda: self._tls), late, address, method, path, headers, body
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise NoAnswer(f"nothing whole within {self.seconds:g} s") from None
            nobody = isinstance(error, ConnectionRefusedError | socket.gaierror) or (
                isinstance(error, OSError) and error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}
            )
            raise NoAnswer(why_no_answer(error), nobody_there=nobody) from None

    def stop(self) -> None:
        """Cut what is under way, and refuse all else: whoever waits for an answer goes on."""
        self._stopped.set()
        for connection in tuple(self._open):
            cut(connection)
        while self._idle:
            for connection, _, _ in self._idle.popitem()[1]:
                connection.close()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is sent."""
        return self._stopped.is_set()

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until `stop`."""
        self._stopped.wait(seconds)

    @cached_property
    def _deadlines(self) -> Deadlines:
        return Deadlines(self.seconds)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The certificates that are trusted; reading them takes longer than a request."""
        return ssl.create_default_context()

    def _kept(self, address: HttpAddress) -> Route | None:
        routes = self._idle.get(_place(address))
        with suppress(IndexError):
            return routes.pop() if routes else None
        return None

    def _exchange(
        self, route: Route, late: threading.Event, address: HttpAddress,
        method: str, path: str, headers: Mapping[str, str], body: bytes,
    ) -> Answer:  # fmt: skip
        connection, origin, more = route
        kept = False

        def end() -> None:
            late.set()
            cut(connection)

        self._open.add(connection)
        try:
            with self._deadlines.watching(end):
                if connection.sock is None:
                    connection.connect()
                # After that, `stop` sees the connection.
                if self._stopped.is_set():
                    raise ConnectionAbortedError
                own = OWN_HEADERS | ({"Connection": "keep-alive"} if self.keeps else {})
                target = f"{origin}{address.prefix}{path}"
                connection.request(method, target, body or None, {**own, **more, **address.headers, **headers})
                response = connection.getresponse()
                answer = self._read(response)
            if late.is_set():
                # What was cut by us looks like an answer that was short.
                raise TimeoutError
            kept = self.keeps and connection.sock is not None and response.isclosed() and not self._stopped.is_set()
            return answer
        finally:
            self._open.discard(connection)
            if kept:
                self._idle.setdefault(_place(address), []).append(route)
            else:
                connection.close()

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        length = response.length
        content = response.read(self.most_bytes + 1) if (length or 0) <= self.most_bytes else b""
        if max(len(content), length or 0) > self.most_bytes:
            raise NoAnswer(f"the answer has more than {self.most_bytes // 1024**2} MB")
        # A head that was cut looks like one without a length.
        if len(content) < length if length is not None else not (content or response.chunked):
            raise http.client.IncompleteRead(b"")
        return Answer(response.status, response.headers, content)


def cut(connection: http.client.HTTPConnection) -> None:
    """End what another thread waits for on a connection; one that is not open is left as it is."""
    if connection.sock is not None:
        with suppress(OSError):
            # Not of the TLS socket: that would be taken from under the thread that reads it.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _place(address: HttpAddress) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


def _route(address: HttpAddress, seconds: float, tls: Callable[[], ssl.SSLContext]) -> Route:
    proxy = _proxy(address)
    near = proxy or address
    connection = (
        http.client.HTTPSConnection(near.host, near.port, timeout=seconds, context=tls())
        if address.scheme == "https"
        else http.client.HTTPConnection(near.host, near.port, timeout=seconds)
    )
    if proxy is None:
        return connection, "", {}
    if address.scheme == "https":
        connection.set_tunnel(address.host, address.port, dict(proxy.headers))
        return connection, "", {}
    host = f"[{address.host}]" if ":" in address.host else address.host
    return connection, f"http://{host}:{address.port}", proxy.headers


def _proxy(address: HttpAddress) -> HttpAddress | None:
    """Return the environment's proxy for an address; None where there is none, or the address is near."""
    text = "" if address.local or proxy_bypass(address.host) else getproxies().get(address.scheme, "")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if not text or not parts.hostname:
            return None
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        headers = {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"} if parts.username else {}
        return HttpAddress("http", parts.hostname, parts.port or 80, "", headers)
    except ValueError:
        raise NoAnswer(f"the proxy in the environment is no address: {address.scheme}_proxy") from None


def why_no_answer(error: Exception) -> str:
    """Return what an error of a socket or of `http.client` says, without anything of the request."""
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
