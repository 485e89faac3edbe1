"""Reading a request: its headers, its body, and what they come to."""

import re
from dataclasses import dataclass

from pydantic import ValidationError
from starlette.types import Scope

from ai_engine.providers.base import Ask, Turn
from ai_engine.schema import PASSED_ON, ChatRequest
from optimus_kit.app import invalid_request
from optimus_kit.errors import ApiError

SESSION = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")


@dataclass(frozen=True)
class Caller:
    """What the headers say."""

    authorization: str | None
    session: str | None
    recall: bool
    request_id: str
    durable: bool


def read_caller(scope: Scope) -> Caller:
    """Read the headers.

    Raises:
        ApiError: 400 for a malformed X-Session-Id.
    """
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in {b"authorization", b"x-session-id", b"x-session-durable", b"x-recall"}:
            found[name] = value.decode("latin-1")
    session = found.get(b"x-session-id")
    if session is not None and not SESSION.match(session):
        message = "X-Session-Id must be 1 to 128 of A-Z a-z 0-9 _ . -"
        raise ApiError(400, message, code="invalid_session_id", param="X-Session-Id")
    recall, durable = (_switch(found.get(name)) for name in (b"x-recall", b"x-session-durable"))
    return Caller(found.get(b"authorization"), session, recall, scope["state"].get("request_id", ""), durable)


def _switch(value: str | None) -> bool:
    return (value or "").strip().lower() in {"true", "1", "yes"}


def read_body(body: bytes) -> ChatRequest:
    """Read the body.

    Raises:
        ApiError: 400 naming the field.
    """
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_request([dict(entry) for entry in errors]) from None


def turns_of(request: ChatRequest) -> tuple[Turn, ...]:
    """Return the messages of the request."""
    return tuple(Turn(message.role, message.content, message.name) for message in request.messages)


def is_instruction(turn: Turn) -> bool:
    """Tell whether the message instructs the model rather than being part of the conversation."""
    return turn.role in {"system", "developer"}


def conversation(history: tuple[Turn, ...], recalled: Turn | None, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return what the model sees: the request's leading instructions, what is remembered, the history, the rest."""
    leading = 0
    while leading < len(turns) and is_instruction(turns[leading]):
        leading += 1
    remembered = (recalled,) if recalled else ()
    return (*turns[:leading], *remembered, *history, *turns[leading:])


def ask_of(request: ChatRequest, turns: tuple[Turn, ...], request_id: str) -> Ask:
    """Return what the provider is asked."""
    given = request.model_fields_set
    options = {name: getattr(request, name) for name in PASSED_ON if name in given}
    options = {name: value for name, value in options.items() if value is not None}
    return Ask(request.model, turns, request.max_completion_tokens or request.max_tokens, options, request_id)
