"""Reading what an OpenAI-compatible endpoint answers: whole replies and streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast, get_args

from ai_engine.providers import strict_json
from ai_engine.providers.base import Ask, FinishReason, Piece, Reply, Usage
from ai_engine.providers.embedded import count
from ai_engine.providers.sse import Event, EventDecoder, EventTooLarge
from ai_engine.providers.verdicts import AttemptFailed, bad_answer, in_band
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpError

MAX_STREAM_BYTES = 64 << 20
# A server that ends a body sends its end at once.
END_SECONDS = 0.1
NOTHING = Piece()
OWN_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage"})
CHOICE_FIELDS = frozenset({"index", "message", "delta", "finish_reason"})
USAGE_FIELDS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def parse_reply(body: bytes, ask: Ask) -> Reply:
    """Read a whole completion.

    Raises:
        AttemptFailed: it is none.
        ApiError: it tells an error that is the request's.
    """
    try:
        document = _object(strict_json.parse(body))
        if document.get("error") is not None:
            raise _told(document)
        choice = _object(_list(document["choices"])[0])
        message = _object(choice["message"])
        text, extra = _content(message)
        reason = finish_reason(choice.get("finish_reason")) or "stop"
        usage = parse_usage(document.get("usage")) or estimate(ask, text)
        rest = _without(choice, CHOICE_FIELDS), _without(document, OWN_FIELDS)
        return Reply(text, reason, usage, extra, *rest, model=_model(document))
    except (ValueError, LookupError, TypeError):
        raise bad_answer("The provider's answer is not a chat completion.") from None


def parse_chunk(data: str) -> Piece:
    """Read one chunk of a stream; what is an object, but no chunk (`{"type": "ping"}`), is an empty piece.

    Raises:
        AttemptFailed: it is none.
        ApiError: it tells an error that is the request's.
    """
    try:
        document = _object(strict_json.parse(data))
        if document.get("error") is not None:
            raise _told(document)
        usage = parse_usage(document.get("usage"))
        choices = _list(document.get("choices") or [])
        if not choices:
            return Piece(usage=usage)
        choice = _object(choices[0])
        text, delta = _content(_object(choice.get("delta") or {}))
        reason = finish_reason(choice.get("finish_reason"))
        rest = _without(choice, CHOICE_FIELDS), _without(document, OWN_FIELDS)
        return Piece(text, reason, usage, delta, *rest, model=_model(document))
    except (ValueError, LookupError, TypeError):
        raise bad_answer("The provider's stream is not one of chat completion chunks.") from None


def _model(document: Mapping[str, Any]) -> str:
    """Return the name of the model that answered; empty where it is none."""
    model = document.get("model")
    return model if isinstance(model, str) else ""


def _told(document: Mapping[str, Any]) -> AttemptFailed | ApiError:
    verdict = in_band(document)
    return verdict if isinstance(verdict, ApiError) else AttemptFailed(verdict)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _without(fields: Mapping[str, Any], own: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in own and value is not None}


def _content(message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the words of a message, and its further fields; a list of parts, or null, is among them as it is."""
    content = message.get("content", "")
    extra = _without(message, frozenset({"role", "content"}))
    if isinstance(content, str):
        return content, extra
    if content is None:
        return "", extra | {"content": None}
    parts = [_object(part) for part in _list(content)]
    words = (part.get("text") for part in parts if part.get("type") == "text")
    return "".join(text for text in words if isinstance(text, str)), extra | {"content": content}


def finish_reason(value: Any) -> FinishReason | None:
    """Return the reason as this service knows it; one that it does not know is a stop.

    Raises:
        TypeError: it is no word.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("a finish reason is a word")
    return cast(FinishReason, value) if value in get_args(FinishReason) else "stop"


def parse_usage(value: Any) -> Usage | None:
    """Read the `usage` field, or None where there is none.

    Raises:
        TypeError: a count that is no count.
    """
    if value is None:
        return None
    fields = _object(value)
    read, written = (_tokens(fields.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    return Usage(read, written, _without(fields, USAGE_FIELDS))


def _tokens(value: Any) -> int:
    value = 0 if value is None else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise TypeError("a number of tokens is wanted")
    return value


def estimate(ask: Ask, text: str) -> Usage:
    """Return a usage for a provider that tells none: words."""
    return Usage(sum(count(turn.content) for turn in ask.turns), count(text))


async def pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    """Yield the pieces of a stream of server-sent events.

    Raises:
        AttemptFailed: it ends without `[DONE]` and without a finish reason, or is too large.
        ApiError: it tells an error that is the request's.
    """
    finished = False
    async for event in _events(chunks):
        data = event.data.strip()
        if not data or event.type == "ping":
            continue
        if data == "[DONE]":
            await _read_end(chunks)
            return
        piece = parse_chunk(data)
        finished = finished or piece.finish_reason is not None
        if piece != NOTHING:
            yield piece
    if not finished:
        raise bad_answer("The provider broke off.")


async def _read_end(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of the body, which may come after `[DONE]`: else the connection could not be used again."""
    with contextlib.suppress(HttpError, TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await anext(chunks, b"")


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    decoder, size = EventDecoder(), 0
    async for chunk in chunks:
        size += len(chunk)
        try:
            found = decoder.feed(chunk)
        except EventTooLarge:
            raise bad_answer("An event of the provider's stream is too large.") from None
        for event in found:
            yield event
        if size > MAX_STREAM_BYTES:
            raise bad_answer("The provider's stream is too large.")
