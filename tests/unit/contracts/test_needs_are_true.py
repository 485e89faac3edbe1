"""What services say that they need is what their clients send and read: no less, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.http_answers import AnsweredBy, Serve
from tests.unit.contracts.documents import copied, schema_of
from tests.unit.repository import CHECKOUT

from ai_engine.providers.base import Turn
from ai_engine.recall import Recall
from backend_orchestrator.answering import AiEngine
from backend_orchestrator.messages import MAX_TEXT_CHARS, InboundMessage
from backend_orchestrator.retry import AttemptError, ThrottledError
from optimus_kit.http_client import HttpClient
from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.reading import contract_of_checkout

# What HTTP itself needs; X-Request-Id is taken by every service of the platform, and left out or kept at will.
OF_HTTP = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
OF_THE_PLATFORM = {"x-request-id"}
BASE = "http://provider"
QUESTION = (Turn("user", "what do I like?"),)
MESSAGE = InboundMessage("acme", "m1", "api", "me", "hello")


def need_of(consumer: str, provider: str) -> Any:
    found = contract_of_checkout(CHECKOUT / "services" / consumer)
    assert found is not None
    return copied(found.expects[provider])


MEMORY = need_of("ai-engine", "memory-engine")
AI = need_of("backend-orchestrator", "ai-engine")


def client(serve: Serve, base_url: str = BASE) -> HttpClient:
    return HttpClient(base_url, transport=AnsweredBy(serve))


async def recall(turns: tuple[Turn, ...], serve: Serve) -> str:
    """Ask as ai-engine does; return what is put before the model."""
    asking = Recall(BASE, client(serve, ""))
    recalled = await asking.recall(turns, "Bearer key", "request-1")
    await asking.aclose()
    return recalled.turn.content if recalled.turn else ""


async def answer(message: InboundMessage, facts: str, serve: Serve, *, recalls: bool = False) -> str:
    """Ask as orchestrator-worker does; return the reply."""
    async with client(serve) as asking:
        ai_engine = AiEngine(asking, "embedded", lambda _: "key", recalls=lambda _: recalls)
        return await ai_engine.answer(message, facts)


def as_sent(request: httpx.Request) -> dict[str, Any]:
    """Return a recorded request as an OpenAPI document in which every value is the only one there is."""
    headers = {name: value for name, value in request.headers.items() if name not in OF_HTTP | OF_THE_PLATFORM}
    scheme, _, _ = headers.pop("authorization", "").partition(" ")
    operation: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"const": value}}
            for name, value in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {request.headers["content-type"]: {"schema": schema_of(json.loads(request.content))}},
        },
        "security": [{"used": []}],
    }
    return {
        "paths": {request.url.path: {request.method.lower(): operation}},
        "components": {"securitySchemes": {"used": {"type": "http", "scheme": scheme}}},
    }


def operation_of(need: Mapping[str, Any]) -> dict[str, Any]:
    [item] = need["paths"].values()
    [operation] = item.values()
    found: dict[str, Any] = operation
    return found


def read_schema(need: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation_of(need)["responses"]["200"]["content"]["application/json"]["schema"]
    return found


def least(schema: Mapping[str, Any]) -> Any:
    """Return a value with exactly what a schema says, and no more; the first of several forms."""
    if "anyOf" in schema:
        return least(schema["anyOf"][0])
    if schema["type"] == "object":
        return {name: least(schema["properties"][name]) for name in schema["required"]}
    return (
        [least(schema["items"])]
        if schema["type"] == "array"
        else {"string": "something", "number": 1.0}[schema["type"]]
    )


def without_each(schema: Mapping[str, Any], value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the value without each of its fields in turn."""
    if schema.get("type") == "array":
        yield from ((f"{path}[]{name}", [changed]) for name, changed in without_each(schema["items"], value[0]))
    for name in schema.get("required", ()):
        yield f"{path}.{name}", {other: inner for other, inner in value.items() if other != name}
        for below, changed in without_each(schema["properties"][name], value[name]):
            yield f"{path}.{name}{below}", {**value, name: changed}


TEXTS = st.text(st.characters(codec="utf-8"), max_size=50) | st.sampled_from(["x" * 5000, " \n"])
TURNS = st.lists(st.builds(Turn, st.sampled_from(["system", "user", "assistant"]), TEXTS), max_size=4).map(tuple)
MESSAGES = st.builds(
    InboundMessage,
    tenant=st.just("acme"),
    message_id=st.just("m1"),
    channel=st.sampled_from(["whatsapp", "api"]),
    sender=st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True),
    text=TEXTS.filter(lambda text: bool(text.strip())) | st.just("x" * MAX_TEXT_CHARS),
    request_id=st.sampled_from(["", "r1"]),
)


@settings(max_examples=50)
@given(TURNS)
async def test_ai_engine_asks_memory_engine_as_it_says(turns: tuple[Turn, ...]) -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"results": []})

    await recall(turns, serve)
    assert [found for request in seen for found in breaks("code", as_sent(request), "need", MEMORY)] == []
    asked = [turn.content for turn in turns if turn.role == "user"]
    assert len(seen) == bool(asked and asked[-1].strip())


@settings(max_examples=50)
@given(MESSAGES, TEXTS, st.booleans())
async def test_the_worker_asks_ai_engine_as_it_says(message: InboundMessage, facts: str, recalls: bool) -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=least(read_schema(AI)))

    assert await answer(message, facts, serve, recalls=recalls) == "something"
    assert [found for request in seen for found in breaks("code", as_sent(request), "need", AI)] == []
    assert len(seen) == 1


def replying(body: Any) -> Serve:
    return lambda _: httpx.Response(200, json=body)


def each_left_out(schema: Mapping[str, Any]) -> Any:
    return [pytest.param(less, id=path) for path, less in without_each(schema, least(schema))]


async def test_ai_engine_needs_no_more_of_memory_engine_than_it_says() -> None:
    assert "something" in await recall(QUESTION, replying(least(read_schema(MEMORY))))


@pytest.mark.parametrize("less", each_left_out(read_schema(MEMORY)))
async def test_ai_engine_needs_everything_of_memory_engine_that_it_says(less: Any) -> None:
    assert await recall(QUESTION, replying(less)) == ""


async def test_the_worker_needs_no_more_of_ai_engine_than_it_says() -> None:
    assert await answer(MESSAGE, "", replying(least(read_schema(AI)))) == "something"


@pytest.mark.parametrize("less", each_left_out(read_schema(AI)))
async def test_the_worker_needs_everything_of_ai_engine_that_it_says(less: Any) -> None:
    with pytest.raises(AttemptError):
        await answer(MESSAGE, "", replying(less))


async def test_the_worker_tells_429_from_other_statuses_as_it_says() -> None:
    statuses = operation_of(AI)["responses"]
    assert set(statuses) == {"200", "429"}
    with pytest.raises(ThrottledError):
        await answer(MESSAGE, "", lambda _: httpx.Response(429))
    [header] = statuses["429"]["headers"]
    with pytest.raises(ThrottledError) as throttled:
        await answer(MESSAGE, "", lambda _: httpx.Response(429, headers={header: "9"}))
    assert throttled.value.retry_after == 9
