"""The OpenAPI document of the routes that bypass FastAPI's own handling for speed."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ai_engine.schema import ChatRequest, ChatResponse, ModelBody, ModelList
from optimus_kit.error_body import ErrorBody

REFERENCE = "#/components/schemas/{model}"
ERRORS = {400: "invalid", 401: "no such key", 404: "no such model", 429: "over a limit", 503: "unavailable"}


def add_openapi(app: FastAPI) -> None:
    """Make /openapi.json tell of these routes as well."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        document["paths"] |= paths()
        components = document.setdefault("components", {})
        components["schemas"] = components.get("schemas", {}) | schemas()
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        return document

    # The way to extend the document that FastAPI itself gives.
    app.openapi = openapi  # type: ignore[method-assign]


def schemas() -> dict[str, Any]:
    """Return the schemas of requests and responses."""
    inputs = [(ChatRequest, "validation")]
    outputs = [(model, "serialization") for model in (ChatResponse, ModelList, ModelBody, ErrorBody)]
    _, document = models_json_schema([*inputs, *outputs], ref_template=REFERENCE)  # type: ignore[list-item]
    definitions: dict[str, Any] = document["$defs"]
    return definitions


ANSWER_HEADERS: Mapping[str, Any] = {
    "X-Prompt-Version": {
        "description": "Versions of the prompts that the instructions are made of: the caller's, and that of memories.",
        "schema": {"type": "string"},
    },
    "X-Session-Messages": {
        "description": "Messages of the conversation that the model was given: 0 for one that is new, or gone.",
        "schema": {"type": "integer"},
    },
    "X-Session-Stored": {
        "description": "`false`: the turn is not kept. In a stream this and the following are comments before its end.",
        "schema": {"type": "string", "enum": ["false"]},
    },
    "X-Session-Trimmed": {
        "description": "Oldest messages of the conversation that went for this turn.",
        "schema": {"type": "integer"},
    },
    "X-Sessions-Evicted": {
        "description": "Other conversations of the tenant, those that rested longest, that went for this turn.",
        "schema": {"type": "integer"},
    },
}


def paths() -> dict[str, Any]:
    """Return the paths."""
    session = {
        "name": "X-Session-Id",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,128}$"},
    }
    durable = {
        "name": "X-Session-Durable",
        "in": "header",
        "description": "The turn counts as stored once a replica of the store has it; else X-Session-Stored: false.",
        "schema": {"type": "boolean"},
    }
    counted = {
        "name": "X-Messages-Counted",
        "in": "header",
        "description": "The caller counts messages itself; only the request and its tokens are counted here.",
        "schema": {"type": "string"},
    }
    prompt = {
        "name": "X-Prompt-Version",
        "in": "header",
        "description": "Prompt that the instructions are made of; it comes back, and is part of the trace.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_./@-]{1,200}$"},
    }
    model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    chat = _operation("Answer a conversation, whole or as a stream of events.", ChatResponse) | {
        "parameters": [session, durable, counted, prompt],
        "requestBody": {"required": True, "content": _json(ChatRequest)},
    }
    chat["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    chat["responses"]["200"]["headers"] = ANSWER_HEADERS
    return {
        "/v1/chat/completions": {"post": chat},
        "/v1/models": {"get": _operation("List the models.", ModelList)},
        "/v1/models/{model}": {"get": _operation("Tell about a model.", ModelBody) | {"parameters": [model]}},
    }


def _operation(summary: str, response: type[BaseModel]) -> dict[str, Any]:
    errors = {str(status): {"description": text, "content": _json(ErrorBody)} for status, text in ERRORS.items()}
    answers: dict[str, Any] = {"200": {"description": "OK", "content": _json(response)}, **errors}
    return {"summary": summary, "security": [{"bearer": []}], "responses": answers}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}
