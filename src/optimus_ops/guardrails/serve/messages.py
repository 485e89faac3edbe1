"""Lines of a client: what is no message is answered by an error, as JSON-RPC 2.0 wants, and not passed on."""

from __future__ import annotations

import json
from typing import Any

from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

MOST_MESSAGE_BYTES = 8 * 2**20
PARSE_ERROR, INVALID_REQUEST = -32700, -32600


def error_answer(code: int, message: str, request: Any = None) -> bytes:
    """Return the line that answers a message which can't be used."""
    identity = request if isinstance(request, str | int) and not isinstance(request, bool) else None
    document = {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}}
    return json.dumps(document).encode() + b"\n"


def too_long() -> bytes:
    """Return the answer to a line that is longer than a message may be."""
    return error_answer(
        INVALID_REQUEST, f"a message has at most {MOST_MESSAGE_BYTES // 2**20} MiB: this one was dropped"
    )


def complaint(line: bytes) -> bytes | None:
    """Return the answer to a line that is no message; None for a message."""
    try:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_input=False, include_url=False)):
            return error_answer(PARSE_ERROR, "no JSON: a message is one line of it")
        return error_answer(INVALID_REQUEST, "no message of JSON-RPC 2.0", _identity(line))
    return None


def _identity(line: bytes) -> Any:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found.get("id") if isinstance(found, dict) else None
