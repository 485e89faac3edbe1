"""Reading a request: its headers, its body, and what they come to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from ai_engine.providers.base import Ask, Turn
from ai_engine.providers.strict_json import check
from ai_engine.schema import OWN, REFUSED, REFUSED_IN_MESSAGES, ChatRequest, Message, is_plain, words_of
from optimus_kit.app import invalid_request
from optimus_kit.errors import ApiError

SESSION = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
READ = frozenset(
    {
        b"authorization", b"x-session-id", b"x-session-durable", b"x-recall", b"x-messages-counted",
        b"x-prompt-version",
    }
)  # fmt: skip
PROMPT_VERSION = re.compile(r"[A-Za-z0-9_./@-]{1,200}\Z")


@dataclass(frozen=True)
class Caller:
    """What the headers say."""

    authorization: str | None
    session: str | None
    recall: bool
    request_id: str
    durable: bool
    counted: bool
    """Whether the caller counts the messages itself."""
    prompt_version: str = ""
    """Of which prompt its instructions are made."""


def read_caller(scope: Scope) -> Caller:
    """Read the headers.

    Raises:
        ApiError: 400 for a malformed X-Session-Id or X-Prompt-Version.
    """
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in READ:
            found[name] = value.decode("latin-1")
    session = found.get(b"x-session-id")
    if session is not None and not SESSION.match(session):
        message = "X-Session-Id must be 1 to 128 of A-Z a-z 0-9 _ . -"
        raise ApiError(400, message, code="invalid_session_id", param="X-Session-Id")
    version = found.get(b"x-prompt-version", "")
    if version and not PROMPT_VERSION.match(version):
        message = "X-Prompt-Version must be 1 to 200 of A-Z a-z 0-9 _ . / @ -"
        raise ApiError(400, message, code="invalid_prompt_version", param="X-Prompt-Version")
    switches = (b"x-recall", b"x-session-durable", b"x-messages-counted")
    recall, durable, counted = (_switch(found.get(name)) for name in switches)
    request_id = scope["state"].get("request_id", "")
    return Caller(found.get(b"authorization"), session, recall, request_id, durable, counted, version)


def _switch(value: str | None) -> bool:
    return (value or "").strip().lower() in {"true", "1", "yes"}


async def receive_body(receive: Receive) -> bytes:
    """Return the whole body; `Request.body` does the same by an asynchronous generator.

    Raises:
        ClientDisconnect: the client went away before its end.
    """
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def read_body(body: bytes) -> ChatRequest:
    """Read the body.

    Raises:
        ApiError: 400 naming the field.
    """
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_request([dict(entry) for entry in errors]) from None
    _refuse_unsupported(request)
    return request


def _refuse_unsupported(request: ChatRequest) -> None:
    given = request.model_extra or {}
    # Null and an empty list say that there are none.
    names = [name for name in REFUSED if given.get(name) not in (None, [])] if given else []
    for place, message in enumerate(request.messages):
        if extra := message.model_extra:
            names += [f"messages.{place}.{name}" for name in REFUSED_IN_MESSAGES if extra.get(name) not in (None, [])]
    if names:
        raise unsupported(names[0])
    if request.stream_options is not None and not request.stream:
        raise ApiError(400, "stream_options is only allowed when stream is true.", param="stream_options")
    try:
        if untyped := [value for value in _untyped(request) if value]:
            check(untyped)
    except ValueError as error:
        raise ApiError(400, f"The body holds a value that cannot be passed on: {error}.") from None


def _untyped(request: ChatRequest) -> Iterator[Any]:
    """Yield the values that may hold anything."""
    yield from (request.model_extra, request.response_format, request.seed)
    if request.stream_options is not None:
        yield request.stream_options.model_extra
    for message in request.messages:
        yield message.model_extra
        if not isinstance(message.content, str):
            yield message.content


def unsupported(name: str) -> ApiError:
    """Make the 400 for a parameter that is not passed on."""
    return ApiError(400, f"{name}: this service does not support it.", code="unsupported_parameter", param=name)


def turns_of(request: ChatRequest) -> tuple[Turn, ...]:
    """Return the messages of the request."""
    return tuple(map(_turn, request.messages))


def _turn(message: Message) -> Turn:
    extra = _present(message.model_extra) if message.model_extra else {}
    if not is_plain(message.content):
        extra["content"] = message.content
    return Turn(message.role, words_of(message.content), message.name, extra)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [])}


def is_instruction(turn: Turn) -> bool:
    """Tell whether the message instructs the model rather than being part of the conversation."""
    return turn.role in {"system", "developer"}


def new_messages(turns: tuple[Turn, ...]) -> int:
    """Return how many messages the client adds: clients without a session send what went before each time."""
    answered = max((place for place, turn in enumerate(turns, 1) if turn.role == "assistant"), default=0)
    return sum(not is_instruction(turn) for turn in turns[answered:])


def conversation(history: tuple[Turn, ...], recalled: Turn | None, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return what the model sees: the request's leading instructions, what is remembered, the history, the rest."""
    leading = 0
    while leading < len(turns) and is_instruction(turns[leading]):
        leading += 1
    remembered = (recalled,) if recalled else ()
    return (*turns[:leading], *remembered, *history, *turns[leading:])


def ask_of(request: ChatRequest, turns: tuple[Turn, ...], request_id: str, tenant: str) -> Ask:
    """Return what the provider is asked. Parameters that are null are as good as absent."""
    given = ((name, getattr(request, name)) for name in request.model_fields_set if name not in OWN)
    options = {name: value for name, value in given if value is not None and name not in REFUSED}
    if request.stream_options is not None:
        options["stream_options"] = request.stream_options.model_dump(exclude_none=True)
    return Ask(request.model, turns, options, request_id, tenant)
