"""Requests of a tenant to ai-engine, and which answers are right."""

from __future__ import annotations

import json
from collections.abc import Mapping

from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, encode
from optimus_ops.load.result import ErrorKind

SERVED_BY = "x-served-by"
END_OF_STREAM = b"data: [DONE]"


def ai_engine(host: str, port: int, timeout: float = 30.0) -> Endpoint:
    """Return where ai-engine is reached; results keep which replica answered."""
    return Endpoint(host, port, timeout, frozenset({SERVED_BY}))


def chat_request(
    endpoint: Endpoint, headers: Mapping[str, str], text: str, model: str = "embedded", *, stream: bool = False
) -> bytes:
    """Return a request for a completion of one message."""
    document = {"model": model, "messages": [{"role": "user", "content": text}], **({"stream": True} if stream else {})}
    fields = {**headers, "Content-Type": "application/json"}
    return encode(endpoint, "POST", "/v1/chat/completions", fields, json.dumps(document).encode())


def list_request(endpoint: Endpoint, headers: Mapping[str, str]) -> bytes:
    """Return a request for the list of models."""
    return encode(endpoint, "GET", "/v1/models", headers)


def bearer(key: str) -> dict[str, str]:
    """Return the header that says whose request it is."""
    return {"Authorization": f"Bearer {key}"}


def judge_answer(response: Response, proof: bytes, *, stream: bool) -> ErrorKind | None:
    """Judge a complete answer: a stream ends as streams do, and `proof` stands in the body of no other answer."""
    if response.status != 200:
        return ErrorKind.STATUS
    if stream and not response.body.rstrip().endswith(END_OF_STREAM):
        return ErrorKind.TRUNCATED
    return None if proof in response.body else ErrorKind.WRONG
