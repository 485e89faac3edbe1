"""GET of a store's API: one host, no redirects, a deadline for the whole answer, and no more than so many bytes."""

from __future__ import annotations

import http.client
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from optimus_ops.text.escapes import safe_to_show
from optimus_ops.traces.connections import cut, make_connection
from optimus_ops.traces.no_answer import why_no_answer
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_address import HEADERS_VARIABLE, StoreAddress

SECONDS = 15.0
MOST_BYTES = 64 * 1024**2
"""A trace of 10,000 spans of our services has 3 to 6 MB."""
CHUNK_BYTES = 256 * 1024
SHOWN = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, media type in lower case without its parameters, and body."""

    status: int
    media_type: str
    content: bytes

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


@dataclass(frozen=True)
class StoreClient:
    """Sends one request at a time, each on a connection of its own.

    Args:
        seconds: for a request and its whole answer.
    """

    address: StoreAddress
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "*/*") -> Answer:
        """Ask a path below the address.

        Raises:
            StoreFailed: there is no whole answer, it is a redirect, or a refusal of whoever asks.
        """
        target = f"{self.address.prefix}{path}{'?' if query else ''}{urlencode(query or {})}"
        answer = self._within_time(target, {"Accept": accept})
        if answer.status in {401, 403, 407}:
            hint = f"user and password go into the address, other headers into {HEADERS_VARIABLE} (X-Scope-OrgID=NAME)"
            raise StoreFailed(f"{self.address} refuses: {_status(answer)}", hint)
        return answer

    def unexpected(self, answer: Answer, what: str) -> StoreFailed:
        """Return the error of an answer that is none to the question; `what` was asked for."""
        if answer.is_page:
            return StoreFailed(
                f"{self.address} answers with a web page where {what} was asked for",
                "that is not the HTTP API of a trace store; give its address: --tempo URL",
            )
        return StoreFailed(f"{self.address} answers {_status(answer)}; {what} was asked for")

    def garbage(self, what: str) -> StoreFailed:
        """Return the error of an answer that can't be read as what it should be."""
        return StoreFailed(f"{self.address} answers something that is not {what}, or only a part of it")

    def _within_time(self, target: str, headers: Mapping[str, str]) -> Answer:
        connection, url, more = self._connection()
        late = threading.Event()

        def end() -> None:
            late.set()
            cut(connection)

        timer = threading.Timer(self.seconds, end)
        timer.daemon = True
        timer.start()
        try:
            connection.request("GET", f"{url}{target}", headers={**headers, **more, **self.address.headers})
            answer = self._read(connection.getresponse())
            if late.is_set():
                # What was cut by us looks like an answer that was short.
                raise TimeoutError
            return answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                message = f"{self.address} does not answer: nothing whole within {self.seconds:g} s"
            else:
                message = f"{self.address} does not answer: {why_no_answer(error)}"
            raise StoreFailed(message) from None
        finally:
            timer.cancel()
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        """Return a connection, what precedes paths on it, and the headers that it needs."""
        address = self.address
        own = {"User-Agent": "optimus-ops", "Connection": "close", "Accept-Encoding": "identity"}
        proxy = _proxy(address)
        near = proxy or address
        connection = make_connection(address.scheme, near.host, near.port, self.seconds)
        if proxy is None:
            return connection, "", own
        if address.scheme == "https":
            connection.set_tunnel(address.host, address.port, dict(proxy.headers))
            return connection, "", own
        host = f"[{address.host}]" if ":" in address.host else address.host
        return connection, f"http://{host}:{address.port}", {**own, **proxy.headers}

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        if 300 <= response.status < 400:
            raise StoreFailed(
                f"{self.address} redirects to {_place(response.headers.get('Location', ''))}",
                "redirects are not followed; give the address itself: --tempo URL",
            )
        until = time.monotonic() + self.seconds
        content = bytearray()
        length = response.length
        while part := response.read1(CHUNK_BYTES):
            content += part
            if len(content) > self.most_bytes or (length or 0) > self.most_bytes:
                raise StoreFailed(f"{self.address} answers with more than {self.most_bytes // 1024**2} MB")
            if time.monotonic() > until:
                raise TimeoutError
        # A head that was cut looks like one without a length.
        cut = len(content) < length if length is not None else not (content or response.chunked)
        if cut:
            raise http.client.IncompleteRead(b"")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, media_type, bytes(content))


def _proxy(address: StoreAddress) -> StoreAddress | None:
    """Return the environment's proxy for an address; None where there is none, or the address is near."""
    text = "" if address.local or proxy_bypass(address.host) else getproxies().get(address.scheme, "")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if not text or not parts.hostname:
            return None
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        headers = {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"} if parts.username else {}
        return StoreAddress("http", parts.hostname, parts.port or 80, "", headers)
    except ValueError:
        raise StoreFailed(f"the proxy in the environment is no address: {address.scheme}_proxy") from None


def _status(answer: Answer) -> str:
    name = http.client.responses.get(answer.status, "")
    return " ".join(filter(None, (str(answer.status), name, f"({answer.first_line})" if answer.first_line else "")))


def _place(location: str) -> str:
    """Return where a redirect leads, without credentials and query."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
    except ValueError:
        return "somewhere"
    return safe_to_show(f"{parts.scheme}://{host}{parts.path}" if host else parts.path)[:SHOWN] or "nowhere"
