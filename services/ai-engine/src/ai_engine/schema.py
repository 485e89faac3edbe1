"""Requests and responses of the API, as the OpenAI API has them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

MAX_MESSAGES = 256
MAX_CONTENT = 400_000
MAX_TOKENS = 131_072

TEXT_PARTS = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                "required": ["type", "text"],
            },
        },
    ]
}


def join_text(value: Any) -> Any:
    """Return the text of `content`: a string as it is, text parts joined.

    Raises:
        ValueError: a part that is not text.
    """
    if not isinstance(value, list):
        return value
    return "".join(_text_of(part) for part in value)


def _text_of(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        text: str = part["text"]
        return text
    raise ValueError("content parts must be {'type': 'text', 'text': '...'}")


Content = Annotated[str, BeforeValidator(join_text), WithJsonSchema(TEXT_PARTS), Field(max_length=MAX_CONTENT)]
Stop = str | Annotated[list[str], Field(max_length=4)]


class Message(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Content
    name: str | None = Field(default=None, max_length=64)


class StreamOptions(BaseModel):
    """How to stream."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """POST /v1/chat/completions."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool = False
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
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    memory: bool = False


PASSED_ON = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop")


class UsageBody(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ReplyMessage(BaseModel):
    """The reply."""

    role: Literal["assistant"]
    content: str


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


class ErrorFields(BaseModel):
    """What went wrong."""

    message: str
    type: str
    code: str
    param: str | None = None


class ErrorBody(BaseModel):
    """Every error."""

    error: ErrorFields
