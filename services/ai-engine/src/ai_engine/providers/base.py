"""The protocol of a provider, and the values that pass through it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "developer", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str
    name: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the message, passed on as they are, and its `content` where that is no plain text."""


@dataclass(frozen=True)
class Ask:
    """What a provider is asked.

    Args:
        model: the model's name as the provider knows it.
        turns: the conversation, oldest first.
        options: parameters of the request, passed on as they are.
        request_id: passed on, so that logs can be put together.
        tenant: on whose behalf.
    """

    model: str
    turns: tuple[Turn, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    tenant: str = ""

    @property
    def max_tokens(self) -> int | None:
        """Return the bound of the reply, by whichever name the client gave it."""
        bound: int | None = self.options.get("max_completion_tokens") or self.options.get("max_tokens")
        return bound


@dataclass(frozen=True)
class Usage:
    """Tokens read and written; `details` are further fields of the provider's own usage."""

    prompt_tokens: int
    completion_tokens: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total_tokens(self) -> int:
        """Return the sum."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Reply:
    """A whole reply.

    Args:
        text: the words of it, for the conversation.
        finish_reason: why it ends.
        usage: tokens.
        message: further fields of the provider's message, and its `content` where that is not `text`.
        choice: further fields of its choice, such as `logprobs`.
        extra: further fields of its document, such as `system_fingerprint`.
        model: that answered, as the provider calls it; empty where it didn't say.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    message: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    model: str = field(default="", compare=False)


@dataclass(frozen=True)
class Piece:
    """A part of a streamed reply; the last one has the finish reason and, where the provider tells, the usage.

    `delta`, `choice`, `extra` and `model` are as in `Reply`.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    delta: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    model: str = field(default="", compare=False)

    @property
    def says_something(self) -> bool:
        """Tell whether it has words, or other content of the answer; the first such piece is the first token."""
        return bool(self.text or self.delta)


@dataclass(frozen=True)
class Model:
    """A model on offer."""

    id: str
    owned_by: str


class Provider(Protocol):
    """Writes replies. Errors are `ApiError`s, with a status that fits the client."""

    @property
    def name(self) -> str:
        """Name in settings and logs."""

    def models(self) -> tuple[Model, ...]:
        """Return what is on offer."""

    def serves(self, model: str) -> bool:
        """Tell whether the model is one of this provider's.

        Raises:
            ApiError: 400 when it is, but its name is out of bounds.
        """

    def immediate(self, model: str) -> bool:
        """Tell whether `complete` answers without waiting for anything, so that nothing needs to watch the client."""

    async def complete(self, ask: Ask) -> Reply:
        """Return the whole reply."""

    def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield the reply in pieces.

        The first piece has no text: it says that the provider has begun, so that an error before it is still an
        error of the request and not of a half-sent response.
        """

    async def aclose(self) -> None:
        """Let go of connections."""
