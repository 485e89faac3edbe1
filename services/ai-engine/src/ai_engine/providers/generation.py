"""Span of one attempt at an answer of a provider, by the semantic conventions for generative AI.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
Prompt and answer are attributes only where OTEL_CAPTURE_CONTENT allows it; keys never are.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType
from typing import Self

from ai_engine.providers.base import Ask, Piece, Reply, Usage
from ai_engine.providers.verdicts import AttemptFailed, failure_of
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpError
from optimus_kit.tracing import CONTENT_CHARACTERS, SharedAttributes, captures_content, start_span

INPUT = "gen_ai.input.messages"
OUTPUT = "gen_ai.output.messages"
# JSON has up to twelve characters for one; the newest message is always whole JSON.
TEXT_CHARACTERS = 1024


class Generation:
    """The attempt. As a context manager it ends with the block, and fails with what leaves it.

    Args:
        provider: its name in the settings.
        model: name in the span's name: one of few.
        ask: what is asked.
        upstream: the model's name at the provider, where that is another one.
        key: place of the key in its pool, from 1; None where there are no keys.
        streamed: whether the answer comes in pieces.
    """

    def __init__(
        self, provider: str, model: str, ask: Ask, *, upstream: str = "", key: int | None = None, streamed: bool = False
    ) -> None:
        self._span = span = start_span(f"chat {model}", kind="client")
        self._recording = span.recording
        if not self._recording:
            return
        self._started = time.perf_counter()
        self._silent = True
        self._text: list[str] = []
        self._content = captures_content()
        span.update(_described(provider, upstream or ask.model, ask.tenant, key, streamed))
        span.set("gen_ai.request.max_tokens", ask.max_tokens)
        if self._content:
            span.set(INPUT, _messages([(turn.role, turn.content) for turn in ask.turns]), content=True)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End."""
        if error is not None:
            self.failed(error)
        self.end()

    def answered(self, reply: Reply) -> None:
        """Note a whole reply."""
        if not self._recording:
            return
        self._note(reply.finish_reason, reply.usage, reply.model)
        self._text.append(reply.text)

    def piece(self, piece: Piece) -> None:
        """Note a part of a streamed reply."""
        if not self._recording:
            return
        if self._silent and piece.says_something:
            self._silent = False
            self._span.set("optimus.time_to_first_token", round(time.perf_counter() - self._started, 6))
        self._note(piece.finish_reason, piece.usage, piece.model)
        if self._content:
            self._text.append(piece.text)

    def _note(self, finish_reason: str | None, usage: Usage | None, model: str) -> None:
        if finish_reason or model:
            self._span.update(_ended(finish_reason, model))
        if usage:
            self._span.update(
                {
                    "gen_ai.usage.input_tokens": usage.prompt_tokens,
                    "gen_ai.usage.output_tokens": usage.completion_tokens,
                }
            )

    def failed(self, error: BaseException) -> None:
        """Note that there is no whole answer, and why."""
        self._span.error(attempt_error_type(error))

    def end(self) -> None:
        """End the span; a second time changes nothing."""
        if self._recording and self._content and any(self._text):
            self._span.set(OUTPUT, _messages([("assistant", "".join(self._text))]), content=True)
        self._span.end()


@lru_cache(maxsize=512)
def _described(provider: str, model: str, tenant: str, key: int | None, streamed: bool) -> SharedAttributes:
    return SharedAttributes(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.output.type": "text",
            "gen_ai.request.stream": streamed,
            "optimus.tenant": tenant or None,
            "optimus.provider_key": key,
        }
    )


@lru_cache(maxsize=512)
def _ended(finish_reason: str | None, model: str) -> SharedAttributes:
    reasons = [finish_reason] if finish_reason else None
    return SharedAttributes({"gen_ai.response.finish_reasons": reasons, "gen_ai.response.model": model or None})


def _messages(said: Sequence[tuple[str, str]]) -> str:
    """Return messages as JSON of at most CONTENT_CHARACTERS: long ones are cut, and the oldest left out."""
    kept: list[str] = []
    left = CONTENT_CHARACTERS - 2
    for role, text in reversed(said):
        entry = json.dumps({"role": role, "content": text[:TEXT_CHARACTERS]})
        left -= len(entry) + 1
        if left < 0:
            break
        kept.append(entry)
    return f"[{','.join(reversed(kept))}]"


def attempt_error_type(error: BaseException) -> str:
    """Return the kind of a failure, one of few: a verdict's reason, an error's code, or the exception's class."""
    if isinstance(error, AttemptFailed):
        return error.failure.reason
    if isinstance(error, ApiError):
        return error.code or str(error.status)
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return "cancelled"
    if isinstance(error, (HttpError, TimeoutError)):
        return failure_of(error).reason
    return type(error).__name__
