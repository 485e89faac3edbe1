"""Answers that the server makes itself, of requests that the application can't be given: they say their ids as well."""

from collections.abc import Iterable, Mapping
from typing import Any

from optimus_kit.server_span import read_identity
from optimus_kit.trace_context import new_trace_id

Headers = list[tuple[bytes, bytes]]
TRACE_ID = "trace_id"
"""Of a request that the application was given: in the state of its scope."""


def answer_ids(request_id: str, trace_id: str) -> Headers:
    """Return the headers that say which request this answers."""
    return [(b"x-request-id", request_id.encode()), (b"x-trace-id", trace_id.encode())]


def ids_of(scope: Mapping[str, Any]) -> Headers:
    """Return these headers for a request: as the application has them, else by its own headers, as far as they came."""
    state = scope["state"]
    if TRACE_ID in state:
        return answer_ids(state["request_id"], state[TRACE_ID])
    identity = read_identity(scope)
    return answer_ids(identity.request_id, identity.came_with.trace_id if identity.came_with else new_trace_id())


def bad_request(text: str) -> bytes:
    """Return an answer with the status 400."""
    return (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
        b"connection: close\r\n\r\n%s" % (len(text), text.encode("ascii"))
    )


def with_headers(answer: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return an answer with further headers."""
    status, _, rest = answer.partition(b"\r\n")
    return b"\r\n".join((status, *(b"%s: %s" % header for header in headers), rest))
