"""What goes over the wire: bodies of completions, chunks of streams, lists of models."""

from collections.abc import Iterable
from typing import Any

from ai_engine.providers.base import Model, Piece, Reply, Usage
from ai_engine.providers.strict_json import write

DONE = b"data: [DONE]\n\n"
# Many clients split lines as Python's `str.splitlines` does. JSON has an escape for what would break them.
LINE_ENDS = tuple((mark.encode(), b"\\u%04x" % ord(mark)) for mark in "\u2028\u2029\u0085")


def usage_body(usage: Usage) -> dict[str, Any]:
    """Return the `usage` field."""
    return {
        **usage.details,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def completion(identity: str, created: int, model: str, reply: Reply) -> dict[str, Any]:
    """Return the body of a whole completion."""
    return {
        **reply.extra,
        "id": identity,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {
                **reply.choice,
                "index": 0,
                "message": {"role": "assistant", "content": reply.text, **reply.message},
                "finish_reason": reply.finish_reason,
            }
        ],
        "usage": usage_body(reply.usage),
    }


class Chunks:
    """Makes the chunks of one stream, all with the same id, time and model."""

    def __init__(self, identity: str, created: int, model: str) -> None:
        self._head = {"id": identity, "object": "chat.completion.chunk", "created": created, "model": model}

    def role(self) -> bytes:
        """Return the first chunk: who speaks."""
        return self._chunk({"role": "assistant", "content": ""}, None)

    def piece(self, piece: Piece) -> bytes:
        """Return the chunks of a piece: what it says, then its finish reason; nothing for an empty one."""
        delta = {**({"content": piece.text} if piece.text else {}), **piece.delta}
        if delta == {"content": None}:
            delta = {}
        out = self._chunk(delta, None, piece) if delta or piece.choice else b""
        return out + (self._chunk({}, piece.finish_reason) if piece.finish_reason else b"")

    def usage(self, usage: Usage) -> bytes:
        """Return the chunk with the usage, which has no choices."""
        return event(self._head | {"choices": [], "usage": usage_body(usage)})

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None, piece: Piece | None = None) -> bytes:
        extra, choice = (piece.extra, piece.choice) if piece else ({}, {})
        entry = {**choice, "index": 0, "delta": delta, "finish_reason": finish_reason}
        return event({**extra, **self._head, "choices": [entry]})


def event(document: Any) -> bytes:
    """Return one server-sent event."""
    body = write(document)
    for mark, escape in LINE_ENDS:
        body = body.replace(mark, escape)
    return b"data: " + body + b"\n\n"


def comment(text: str) -> bytes:
    """Return a line that readers of the events skip: what a header would tell, had the headers not been sent."""
    return f": {text}\n\n".encode()


def model_body(model: Model) -> dict[str, Any]:
    """Return a model as the API lists it."""
    return {"id": model.id, "object": "model", "created": 0, "owned_by": model.owned_by}


def model_list(models: Iterable[Model]) -> dict[str, Any]:
    """Return the list of models."""
    return {"object": "list", "data": [model_body(model) for model in models]}
