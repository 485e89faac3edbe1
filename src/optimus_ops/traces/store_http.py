"""GET of a store's API, and what its answers say where they are none to the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import SHOWN, Answer, HttpClient, NoAnswer
from optimus_ops.text.escapes import safe_to_show
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_address import HEADERS_VARIABLE

SECONDS = 15.0
MOST_BYTES = 64 * 1024**2
"""A trace of 10,000 spans of our services has 3 to 6 MB."""


@dataclass(frozen=True)
class StoreClient:
    """Sends one request at a time, each on a connection of its own.

    Args:
        seconds: for a request and its whole answer.
    """

    address: HttpAddress
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "*/*") -> Answer:
        """Ask a path below the address.

        Raises:
            StoreFailed: there is no whole answer, it is a redirect, or a refusal of whoever asks.
        """
        target = f"{path}{'?' if query else ''}{urlencode(query or {})}"
        try:
            answer = HttpClient(self.seconds, self.most_bytes).send(self.address, "GET", target, {"Accept": accept})
        except NoAnswer as error:
            raise StoreFailed(f"{self.address} does not answer: {error}") from None
        if 300 <= answer.status < 400:
            raise StoreFailed(
                f"{self.address} redirects to {_place(answer.headers.get('Location', ''))}",
                "redirects are not followed; give the address itself: --tempo URL",
            )
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


def _status(answer: Answer) -> str:
    return f"{answer.status_line}{f' ({answer.first_line})' if answer.first_line else ''}"


def _place(location: str) -> str:
    """Return where a redirect leads, without credentials and query."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
    except ValueError:
        return "somewhere"
    return safe_to_show(f"{parts.scheme}://{host}{parts.path}" if host else parts.path)[:SHOWN] or "nowhere"
