"""What goes to an endpoint, and bodies that come back."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from ai_engine.providers.base import Ask, Turn
from ai_engine.providers.pool import Key
from ai_engine.providers.verdicts import bad_answer
from optimus_kit import http_client
from optimus_kit.http_client import AnswerTooLarge, HttpError, StreamedAnswer

MAX_ANSWER_BYTES = 16 << 20
MAX_ERROR_BYTES = 64 << 10


def authorization(key: Key) -> dict[str, str]:
    """Return the header that shows a key; none for an endpoint that wants none."""
    return {"Authorization": f"Bearer {key.secret}"} if key.secret else {}


def payload_of(ask: Ask, model: str, *, stream: bool) -> dict[str, Any]:
    """Return the body of the request upstream."""
    payload: dict[str, Any] = {"model": model, "messages": [_message(turn) for turn in ask.turns], **ask.options}
    options = payload.pop("stream_options", None) or {}
    if stream:
        payload |= {"stream": True, "stream_options": options | {"include_usage": True}}
    return payload


def _message(turn: Turn) -> dict[str, Any]:
    named = {"name": turn.name} if turn.name else {}
    return {"role": turn.role, "content": turn.content, **named, **turn.extra}


async def after(beginning: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what was read already, then the rest."""
    yield beginning
    async for chunk in chunks:
        yield chunk


async def read(answer: StreamedAnswer) -> bytes:
    """Return the whole body.

    Raises:
        AttemptFailed: it is too large.
    """
    try:
        return await http_client.read(answer, MAX_ANSWER_BYTES)
    except AnswerTooLarge:
        raise bad_answer("The provider's answer is too large.") from None


async def read_error(answer: StreamedAnswer) -> bytes:
    """Return the beginning of an error's body; one that cannot be read says no less than its status."""
    body = b""
    with contextlib.suppress(HttpError):
        async for chunk in answer.chunks():
            body += chunk
            if len(body) > MAX_ERROR_BYTES:
                break
    return body
