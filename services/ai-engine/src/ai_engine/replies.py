"""What goes over the wire: bodies of completions, chunks of streams, lists of models."""

import json
from collections.abc import Iterable
from typing import Any

from ai_engine.providers.base import Model, Piece, Reply, Usage

DONE = b"data: [DONE]\n\n"


def encode(document: Any) -> bytes:
    """Return JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def usage_body(usage: Usage) -> dict[str, int]:
    """Return the `usage` field."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def completion(identity: str, created: int, model: str, reply: Reply) -> dict[str, Any]:
    """Return the body of a whole completion."""
    return {
        "id": identity,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": reply.text},
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
        """Return the chunk of a piece; nothing for a piece without text and finish reason."""
        out = self._chunk({"content": piece.text}, None) if piece.text else b""
        return out + (self._chunk({}, piece.finish_reason) if piece.finish_reason else b"")

    def usage(self, usage: Usage) -> bytes:
        """Return the chunk with the usage, which has no choices."""
        return event(self._head | {"choices": [], "usage": usage_body(usage)})

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        return event(self._head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def event(document: Any) -> bytes:
    """Return one server-sent event."""
    return b"data: " + encode(document) + b"\n\n"


def comment(text: str) -> bytes:
    """Return a line that readers of the events skip: what a header would tell, had the headers not been sent."""
    return f": {text}\n\n".encode()


def model_body(model: Model) -> dict[str, Any]:
    """Return a model as the API lists it."""
    return {"id": model.id, "object": "model", "created": 0, "owned_by": model.owned_by}


def model_list(models: Iterable[Model]) -> dict[str, Any]:
    """Return the list of models."""
    return {"object": "list", "data": [model_body(model) for model in models]}
