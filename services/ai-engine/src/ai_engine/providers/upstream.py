"""Reading what an OpenAI-compatible endpoint answers: errors, whole replies, streams."""

import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast, get_args

from ai_engine.providers.base import Ask, FinishReason, Piece, Reply, Usage
from ai_engine.providers.embedded import count
from optimus_kit.errors import ApiError

KEY_REFUSED_SECONDS = 60.0
BUSY_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True)
class KeyFailure:
    """An answer for which another key may have a better one.

    Args:
        error: what the client is told if no other key has.
        pause: seconds for which this key is left alone; None leaves it to the breaker.
    """

    error: ApiError
    pause: float | None = None


def bad_gateway(message: str) -> ApiError:
    """Make the 502."""
    return ApiError(502, message, type="server_error", code="provider_error")


def timed_out() -> ApiError:
    """Make the 504."""
    return ApiError(504, "The provider did not answer in time.", code="provider_timeout")


def no_key(wait: float) -> ApiError:
    """Make the 503 for a provider none of whose keys may be used now; `wait` is in seconds."""
    retry = {"Retry-After": str(max(1, math.ceil(wait)))}
    return ApiError(503, "No provider key is available now.", code="provider_unavailable", headers=retry)


def retry_after(value: str | None) -> float:
    """Return the pause that a Retry-After header in seconds asks for, within bounds; its date form is not read."""
    try:
        seconds = float(value or "")
    except ValueError:
        return BUSY_SECONDS
    return min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS) if math.isfinite(seconds) else BUSY_SECONDS


def judge(status: int, retry: str | None, body: bytes) -> KeyFailure | ApiError:
    """Tell whose fault an answer other than 2xx is: the key's or the endpoint's (KeyFailure), or the request's."""
    if status in {401, 403}:
        return KeyFailure(bad_gateway("The provider refused its key."), KEY_REFUSED_SECONDS)
    if status == 429:
        busy = ApiError(
            503, "The provider is over its limit.", code="provider_unavailable", headers={"Retry-After": "1"}
        )
        return KeyFailure(busy, retry_after(retry))
    if status in {408, 504}:
        return KeyFailure(timed_out())
    if status >= 500 or status < 400:
        return KeyFailure(bad_gateway(f"The provider answered {status}."))
    if status == 404:
        return ApiError(404, "The provider does not know this model.", code="model_not_found", param="model")
    return ApiError(400, f"The provider refused the request: {_message(body)}", code="provider_refused")


def _message(body: bytes) -> str:
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return "no reason given."
    return str(message)[:500]


def parse_reply(body: bytes, ask: Ask) -> Reply:
    """Read a whole completion.

    Raises:
        ApiError: 502 when it is none.
    """
    try:
        document = json.loads(body)
        choice = document["choices"][0]
        text = choice["message"].get("content") or ""
        reason = finish_reason(choice.get("finish_reason")) or "stop"
        return Reply(str(text), reason, parse_usage(document.get("usage")) or estimate(ask, str(text)))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise bad_gateway("The provider's answer is not a chat completion.") from None


def parse_chunk(data: str) -> Piece:
    """Read one chunk of a stream.

    Raises:
        ApiError: 502 when it is none.
    """
    try:
        document = json.loads(data)
        if "error" in document:
            raise bad_gateway("The provider broke off.")
        usage = parse_usage(document.get("usage"))
        if not document["choices"]:
            return Piece(usage=usage)
        choice = document["choices"][0]
        text = (choice.get("delta") or {}).get("content") or ""
        return Piece(str(text), finish_reason(choice.get("finish_reason")), usage)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise bad_gateway("The provider's stream is not one of chat completion chunks.") from None


def finish_reason(value: Any) -> FinishReason | None:
    """Return the reason as this service knows it; one that it does not know is a stop."""
    if value is None:
        return None
    return cast(FinishReason, value) if value in get_args(FinishReason) else "stop"


def parse_usage(value: Any) -> Usage | None:
    """Read the `usage` field, or None where there is none."""
    if not isinstance(value, dict):
        return None
    return Usage(int(value.get("prompt_tokens") or 0), int(value.get("completion_tokens") or 0))


def estimate(ask: Ask, text: str) -> Usage:
    """Return a usage for a provider that tells none: words."""
    return Usage(sum(count(turn.content) for turn in ask.turns), count(text))


async def pieces(lines: AsyncIterator[str]) -> AsyncIterator[Piece]:
    """Yield the pieces of a stream of server-sent events.

    Raises:
        ApiError: 502 when it ends without `[DONE]` and without a finish reason.
    """
    finished = False
    async for line in lines:
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return
        piece = parse_chunk(data)
        finished = finished or piece.finish_reason is not None
        yield piece
    if not finished:
        raise bad_gateway("The provider broke off.")
