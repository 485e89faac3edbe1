"""A request, its answer, and how long is waited for what."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from optimus_kit.http_client.errors import HttpError

OK = 200
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds.

    Args:
        connect: for a place in the pool, and again for a connection (name, TCP and TLS).
        read: between two bytes of the answer, its first one included; its head is complete within both of these.
        total: for the whole exchange; None leaves it to the others.
    """

    connect: float = 5.0
    read: float = 5.0
    total: float | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent; the URL is percent-encoded already, and headers may hold credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)


class StreamedAnswer(Protocol):
    """An answer whose body has yet to come; whoever opened it closes it."""

    @property
    def status(self) -> int:
        """Status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, found under a name in either case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the decoded body as it comes; raise HttpError where its end never does."""

    def close(self) -> None:
        """Give the connection back; one with a body that was not read to its end is closed. A second time: nothing."""


class Transport(Protocol):
    """How requests travel; tests have their own."""

    async def open(self, request: HttpRequest) -> StreamedAnswer:
        """Send a request and return its answer once the head is there; raise HttpError where there is none."""

    async def aclose(self) -> None:
        """Close all connections."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success."""
        return self.status // 100 == OK // 100

    def json(self) -> Any:
        """Return the body as JSON; raise ValueError (or RecursionError) where it is none."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Raise StatusError unless it is a success."""
        if not self.is_success:
            raise StatusError(self.status)


class StatusError(HttpError):
    """An answer, and no success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")


def json_body(document: Any) -> bytes:
    """Return a document as JSON in UTF-8.

    Raises:
        ValueError: a number that JSON has not, or text that no encoding holds.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
