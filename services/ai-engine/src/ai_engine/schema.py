"""Requests and responses of the API, as the OpenAI API has them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

MAX_MESSAGES = 256
MAX_CONTENT = 400_000
MAX_TOKENS = 131_072

PART = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
TEXT_PARTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": PART}, {"type": "null"}]}


def words_of(content: Any) -> str:
    """Return the text of a `content`: a string as it is, text parts joined."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def is_plain(content: Any) -> bool:
    """Tell whether `words_of` says all that there is."""
    return isinstance(content, str) or all(part.keys() == {"type", "text"} for part in content or ())


def check_content(value: Any) -> Any:
    """Make sure that it is a string, null or a list of parts.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, list) and not all(_is_part(part) for part in value):
        raise ValueError("content parts must be {'type': 'text', 'text': '...'}")
    if not (value is None or isinstance(value, (str, list))):
        raise ValueError("a string or a list of parts is wanted")
    if len(words_of(value)) > MAX_CONTENT:
        raise ValueError(f"at most {MAX_CONTENT} characters")
    return value


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


Content = Annotated[Any, BeforeValidator(check_content), WithJsonSchema(TEXT_PARTS)]
Stop = str | Annotated[list[str], Field(max_length=4)]


class Message(BaseModel):
    """One message of the conversation; further fields are passed on."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant"]
    content: Content = Field(default=None, validate_default=True)
    name: str | None = Field(default=None, max_length=64)

    @field_validator("content")
    @classmethod
    def _check(cls, content: Any, info: ValidationInfo) -> Any:
        """Let only the assistant's messages, which come back as they were sent, hold less or more than text."""
        if info.data.get("role") != "assistant":
            if content is None:
                raise ValueError("a string or a list of parts is wanted")
            if isinstance(content, list) and any(part["type"] != "text" for part in content):
                raise ValueError("content parts must be {'type': 'text', 'text': '...'}")
        return content


class StreamOptions(BaseModel):
    """How to stream; further fields are passed on."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class PromptCall(BaseModel):
    """A prompt of the platform by its name; its text goes before all messages."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=64)
    locale: str | None = Field(default=None, pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")
    variables: dict[str, str] = Field(default_factory=dict, max_length=32)


class ChatRequest(BaseModel):
    """POST /v1/chat/completions. Further parameters are passed on to the provider as they are."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1, max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    stop: Stop | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    reasoning_effort: str | None = Field(default=None, max_length=64)
    memory: bool | None = None
    prompt: PromptCall | None = None


# Of this service: the provider is told in its own way, or not at all.
OWN = frozenset({"model", "messages", "stream", "n", "memory", "prompt"})
# Tools need messages of their own in every turn that is kept, which conversations here don't have.
REFUSED = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")
REFUSED_IN_MESSAGES = ("tool_calls", "tool_call_id", "function_call")


class UsageBody(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ReplyMessage(BaseModel):
    """The reply."""

    role: Literal["assistant"]
    content: str | list[dict[str, Any]] | None


class Choice(BaseModel):
    """The one choice."""

    index: int
    message: ReplyMessage
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"]


class ChatResponse(BaseModel):
    """A whole completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: UsageBody


class ModelBody(BaseModel):
    """A model on offer."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """GET /v1/models."""

    object: Literal["list"]
    data: list[ModelBody]
