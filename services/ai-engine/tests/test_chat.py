"""Requests, answers and errors of the API through HTTP, on a real Redis."""

import json
from typing import Any

import httpx
import pytest


def events_of(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_a_completion_is_what_openai_clients_expect(start: Any) -> None:
    async with start() as replica:
        answer = await replica.ask("hello there")
    document = answer.json()
    assert answer.status_code == 200
    assert document["object"] == "chat.completion"
    assert document["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Turn 1. You said: hello there"},
            "finish_reason": "stop",
        }
    ]
    assert document["usage"] == {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}
    assert document["id"].startswith("chatcmpl-")
    assert answer.headers["x-ratelimit-limit-requests"] == "600000"


async def test_text_parts_are_one_text(start: Any) -> None:
    async with start() as replica:
        answer = await replica.ask([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}])
    assert answer.json()["choices"][0]["message"]["content"] == "Turn 1. You said: one two"


async def test_a_stream_has_role_tokens_reason_and_usage(start: Any) -> None:
    async with start() as replica:
        answer = await replica.ask("hi", model="embedded/20", stream=True, stream_options={"include_usage": True})
    first, *tokens, last, usage = events_of(answer)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(event["choices"][0]["delta"]["content"] for event in tokens) == "Turn 1. You said: hi"
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 7)
    assert len({event["id"] for event in (first, *tokens, last, usage)}) == 1


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x" * 400_001}]}, 400, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x"}] * 257}, 400, "messages"),
        ({"n": 2}, 400, "n"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"temperature": 3}, 400, "temperature"),
        ({"tools": [{}]}, 400, "tools"),
        ({"tool_choice": "auto"}, 400, "tool_choice"),
        ({"parallel_tool_calls": True}, 400, "parallel_tool_calls"),
        ({"functions": [{}]}, 400, "functions"),
        ({"function_call": "auto"}, 400, "function_call"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, 400, "messages.0.tool_calls"),
        ({"messages": [{"role": "user"}]}, 400, "messages.0.content"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "messages.0.content"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
        ({"response_format": {"type": "json_object"}}, 400, "response_format"),
        ({"logprobs": True}, 400, "logprobs"),
        ({"model": "embedded/999999"}, 400, "model"),
        ({"model": "gpt-none"}, 404, "model"),
        ({"headers": {"X-Session-Id": "a b"}}, 400, "X-Session-Id"),
        ({"headers": {"X-Session-Id": "a" * 129}}, 400, "X-Session-Id"),
    ],
)
async def test_bad_input_is_refused_by_name(start: Any, changes: dict[str, Any], status: int, param: str) -> None:
    async with start() as replica:
        answer = await replica.ask(**changes)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert answer.json()["error"]["type"] == "invalid_request_error"


HELLO = b'{"model": "embedded", "messages": [{"role": "user", "content": "x"}], "x": %s}'


@pytest.mark.parametrize("body", [b"{", HELLO % b"NaN", HELLO % b"1e999", HELLO % (b"9" * 400), HELLO % (b"[" * 9000)])
async def test_a_body_that_is_no_json_is_refused(start: Any, body: bytes) -> None:
    async with start() as replica:
        headers = {"Authorization": "Bearer key-acme"}
        answer = await replica.client.post("/v1/chat/completions", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


async def test_without_a_key_nothing_is_told(start: Any) -> None:
    async with start() as replica:
        for answer in (
            await replica.ask(tenant="nobody"),
            await replica.client.get("/v1/models"),
            await replica.client.get("/v1/models/embedded"),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_models_are_listed(start: Any) -> None:
    headers = {"Authorization": "Bearer key-acme"}
    async with start() as replica:
        models = (await replica.client.get("/v1/models", headers=headers)).json()
        one = (await replica.client.get("/v1/models/embedded/250", headers=headers)).json()
        none = await replica.client.get("/v1/models/none", headers=headers)
    assert [model["id"] for model in models["data"]] == ["embedded"]
    assert (one["id"], one["owned_by"]) == ("embedded/250", "optimus")
    assert none.status_code == 404


NULLS = ("stream", "stream_options", "n", "max_tokens", "temperature", "stop", "tools", "tool_choice", "memory", "user")


async def test_null_is_as_good_as_absent(start: Any) -> None:
    messages = [
        {"role": "assistant", "content": None, "tool_calls": None},
        {"role": "user", "content": "hi", "name": None},
    ]
    async with start() as replica:
        answer = await replica.ask(messages=messages, **dict.fromkeys(NULLS))
    assert answer.json()["choices"][0]["message"]["content"] == "Turn 1. You said: hi"


async def test_parts_of_a_stream_reach_the_client_and_no_line_breaks_within_an_event(
    start: Any, fake_server: Any, events: Any
) -> None:
    parts = [{"type": "text", "text": "a\u2028b\x85c"}]
    fake_server.answers = [events(parts, "\ud83d", "\ude00")]
    environ = {"PROVIDERS": "fake", "FAKE_MODELS": "big", "FAKE_BASE_URL": fake_server.url}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        got = await replica.ask(model="big", stream=True)
    assert [line for line in got.text.splitlines() if line and not line.startswith("data: ")] == []
    deltas = [event["choices"][0]["delta"].get("content") for event in events_of(got)]
    assert deltas == ["", parts, "\ud83d", "\ude00", None]


async def test_the_api_describes_itself(start: Any) -> None:
    async with start() as replica:
        document = (await replica.client.get("/openapi.json")).json()
    assert {"/health", "/v1/chat/completions", "/v1/models", "/v1/models/{model}"} <= set(document["paths"])
    references = set(find_references(document))
    assert references <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert "#/components/schemas/ChatRequest" in references


def find_references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in find_references(value)]
    if isinstance(node, list):
        return [found for value in node for found in find_references(value)]
    return []
