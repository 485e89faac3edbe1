"""Requests and where they go: a small HTTP/1.1 writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, and how it is talked to.

    `timeout` is in seconds, for connecting and for an answer; results keep the answers' headers of `kept_headers`
    (names in lower case).
    """

    host: str
    port: int
    timeout: float = 30.0
    kept_headers: frozenset[str] = frozenset()

    @property
    def authority(self) -> str:
        """The `Host` header's value (RFC 9110, section 7.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent; its content may hold credentials and is never shown.

    Its name identifies it among the results, its kind is the label by which results are grouped.
    """

    content: bytes = field(repr=False)
    name: str = ""
    kind: str = ""


def encode(
    endpoint: Endpoint, method: str, path: str, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b""
) -> bytes:
    """Return a request as HTTP/1.1 bytes, `Host` and `Content-Length` included.

    Raises ValueError where a field would end its line early, or is not Latin-1.
    """
    fields = {"Host": endpoint.authority, **headers}
    if body or method not in {"GET", "HEAD"}:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines) or " " in path:
        raise ValueError("a line break in a header or path, or a space in the path")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body
