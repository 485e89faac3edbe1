"""Completions of providers and what memory-engine recalls, through HTTP, on a real Redis."""

import asyncio
import json
from typing import Any

import pytest
from redis import Redis


async def test_what_is_remembered_reaches_the_model(start: Any, fake_server: Any, answer: Any) -> None:
    fake_server.answers = [answer(200, {"results": [{"id": "1", "text": "likes tea", "score": 0.9, "metadata": {}}]})]
    async with start(MEMORY_ENGINE_URL=fake_server.url.removesuffix("/v1")) as replica:
        plain = await replica.ask("what do I like")
        recalled = await replica.ask("what do I like", memory=True)
        by_header = await replica.ask("what do I like", headers={"X-Recall": "true"})
    first, _ = fake_server.received
    assert "x-recall" not in plain.headers
    assert recalled.headers["x-recall"] == by_header.headers["x-recall"] == "used"
    assert recalled.json()["usage"]["prompt_tokens"] > plain.json()["usage"]["prompt_tokens"]
    assert (first.path, first.body) == ("/v1/memories/search", {"query": "what do I like", "limit": 5})
    assert first.headers["authorization"] == "Bearer key-acme"


async def test_what_has_nothing_to_do_with_the_question_is_not_recalled(
    start: Any, fake_server: Any, answer: Any
) -> None:
    results = [{"text": "likes tea", "score": 0.2}, {"text": "drives a van", "score": 0.1}]
    fake_server.answers = [answer(200, {"results": results}), answer(200, {"results": results[1:]})]
    memory = fake_server.url.removesuffix("/v1")
    async with start(MEMORY_ENGINE_URL=memory) as replica:
        one = await replica.ask("what do I like", memory=True)
        none = await replica.ask("what do I like", memory=True)
    async with start(MEMORY_ENGINE_URL=memory, RECALL_MIN_SCORE="0.05") as replica:
        lower = await replica.ask("what do I like", memory=True)
    assert [got.headers["x-recall"] for got in (one, none, lower)] == ["used", "empty", "used"]


@pytest.mark.parametrize("document", [b"<html>", {"results": "none"}, [], {"results": [1]}, b"[" * 5000, b"NaN"])
async def test_a_memory_that_fails_does_not_fail_the_completion(
    start: Any, fake_server: Any, answer: Any, document: Any
) -> None:
    fake_server.answers = [answer(200, document)]
    async with start(MEMORY_ENGINE_URL=fake_server.url.removesuffix("/v1")) as replica:
        degraded = await replica.ask(memory=True)
    async with start() as replica:
        without = await replica.ask(memory=True)
    for got in (degraded, without):
        assert (got.status_code, got.headers["x-recall"]) == (200, "unavailable")


async def test_a_provider_from_the_settings_answers(start: Any, fake_server: Any, completion: Any) -> None:
    fake_server.answers = [completion("from upstream")]
    environ = {"PROVIDERS": "fake", "FAKE_BASE_URL": fake_server.url, "FAKE_MODELS": "big"}
    async with start(secrets={"FAKE_API_KEYS": "k1,k2"}, **environ) as replica:
        got = await replica.ask(model="big", temperature=0.1)
    assert got.json()["choices"][0]["message"]["content"] == "from upstream"
    assert fake_server.received[0].body["temperature"] == 0.1


async def test_a_stream_that_breaks_says_so_and_keeps_nothing(
    start: Any, redis: "Redis", fake_server: Any, events: Any
) -> None:
    fake_server.answers = [events("Hel", done=False)]
    environ = {"PROVIDERS": "fake", "FAKE_BASE_URL": fake_server.url, "FAKE_MODELS": "big"}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        got = await replica.ask(model="big", stream=True, headers={"X-Session-Id": "s"})
    last = json.loads(got.text.split("\n\n")[-2].removeprefix("data: "))
    assert last["error"]["code"] == "provider_error"
    assert "[DONE]" not in got.text
    assert redis.llen("optimus:session:acme:s") == 0
    assert redis.zcard("optimus:slots:acme") == 0


FAKE = {"PROVIDERS": "fake", "FAKE_MODELS": "big"}


async def test_the_pool_of_connections_taken_by_one_tenant_costs_the_other_nothing(
    start: Any, fake_server: Any, events: Any
) -> None:
    held = asyncio.Event()
    fake_server.answers = [events("Hel", then=held.wait)]
    environ = FAKE | {"FAKE_BASE_URL": fake_server.url, "PROVIDER_CONNECTIONS": "16", "PROVIDER_WAIT_SECONDS": "0.1"}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        loud = [asyncio.create_task(replica.ask(model="big", stream=True)) for _ in range(40)]
        done, _ = await asyncio.wait(loud, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        # Of 16 connections each of the three quiet tenants' share of two is kept free.
        while len(done) < 40 - (16 - 3 * 2):
            more, _ = await asyncio.wait(set(loud) - done, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        refused = [task.result() for task in done]
        fake_server.answers = [events("ok")]
        quiet = [await replica.ask(tenant="globex", model="big", stream=True) for _ in range(5)]
        held.set()
        served = [await task for task in set(loud) - done]
        after = await replica.ask(model="big", stream=True)
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.json()["error"]["code"] for answer in refused} == {"tenant_queue_full"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert ["ok" in answer.text for answer in quiet] == [True] * 5
    assert {answer.status_code for answer in (*served, after)} == {200}


@pytest.mark.parametrize(
    "attack",
    [
        (200, b"<html>"),
        (400, {"error": {"message": "bad", "code": "context_length_exceeded"}}),
        (403, {"error": {"message": "flagged"}}),
        (429, {"error": {"message": "larger than the limit of this key"}}),
        (500, {"error": {"message": "crashed by this text"}}),
    ],
)
async def test_what_one_tenant_makes_fail_costs_the_other_nothing(
    start: Any, fake_server: Any, answer: Any, completion: Any, attack: tuple[int, Any]
) -> None:
    async def judging(request: Any, writer: asyncio.StreamWriter) -> None:
        bad = request.body["messages"][0]["content"] == "poison"
        await (answer(*attack) if bad else completion("fine"))(request, writer)

    fake_server.answers = [judging]
    async with start(secrets={"FAKE_API_KEYS": "k1,k2"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        poisoned = [await replica.ask("poison", model="big") for _ in range(12)]
        quiet = [await replica.ask("hello", tenant="globex", model="big") for _ in range(5)]
    assert {answer.status_code for answer in poisoned} <= {400, 502, 503}
    assert {answer.status_code for answer in quiet} == {200}


async def test_clients_that_go_away_open_no_key(start: Any, fake_server: Any, events: Any) -> None:
    fake_server.answers = [events("Hel", then=asyncio.Event().wait)]
    body = json.dumps({"model": "big", "stream": True, "messages": [{"role": "user", "content": "x"}]}).encode()
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        for _ in range(5):
            await leave_after_first_event(replica.app, body)
        fake_server.answers = [events("ok")]
        quiet = await replica.ask(tenant="globex", model="big", stream=True)
    assert "ok" in quiet.text


PASSED_ON: dict[str, Any] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "logprobs": True, "top_logprobs": 2, "reasoning_effort": "low", "max_completion_tokens": 5, "verbosity": "low",
    "logit_bias": {"50256": -100}, "user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "flex",
    "seed": 7, "stop": ["a"], "frequency_penalty": 0.5, "presence_penalty": -0.5, "top_p": 0.5, "temperature": 0,
    "prediction": {"type": "content", "content": "x"}, "modalities": ["text"], "prompt_cache_key": "k",
    "safety_identifier": "s", "web_search_options": {}, "top_k": 40,
}  # fmt: skip


async def test_parameters_are_passed_on_as_they_are(start: Any, fake_server: Any, completion: Any) -> None:
    fake_server.answers = [completion("ok")]
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        answer = await replica.ask(model="big", **PASSED_ON)
    assert answer.status_code == 200
    sent = fake_server.received[0].body
    assert sent == PASSED_ON | {"model": "big", "messages": [{"role": "user", "content": "hello"}]}


async def test_parts_and_fields_of_an_answer_reach_the_client_as_they_are(
    start: Any, redis: "Redis", fake_server: Any, answer: Any
) -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a\ud83d"}]
    choice = {"message": {"role": "assistant", "content": parts}, "finish_reason": "stop", "logprobs": {"content": []}}
    fake_server.answers = [answer(200, {"choices": [choice], "system_fingerprint": "fp"})]
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        got = await replica.ask(model="big", headers={"X-Session-Id": "s"})
    document = json.loads(got.content)
    assert (got.status_code, document["system_fingerprint"]) == (200, "fp")
    assert document["choices"] == [choice | {"index": 0}]
    assert json.loads(str(redis.lindex("optimus:session:acme:s", -1)))["content"] == "a\ufffd"


async def test_an_upstreams_code_param_and_retry_after_are_kept(start: Any, fake_server: Any, answer: Any) -> None:
    error = {"message": "no", "type": "invalid_request_error", "code": "string_too_long", "param": "messages.0"}
    fake_server.answers = [answer(422, {"error": error}), answer(429, {"error": error}, Retry_After="33")]
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        refused = await replica.ask(model="big")
        busy = await replica.ask(model="big")
    for got, status in ((refused, 422), (busy, 503)):
        told = got.json()["error"]
        assert (got.status_code, told["code"], told["param"]) == (status, "string_too_long", "messages.0")
    assert busy.headers["retry-after"] == "33"


async def test_longer_than_the_deadline_is_a_504(start: Any, redis: "Redis") -> None:
    async with start(REQUEST_TIMEOUT="1") as replica:
        whole, streamed = await asyncio.gather(
            replica.ask(model="embedded/60000"), replica.ask(model="embedded/60000", stream=True)
        )
    assert (whole.status_code, whole.json()["error"]["code"]) == (504, "provider_timeout")
    assert '"provider_timeout"' in streamed.text
    assert redis.zcard("optimus:slots:acme") == 0


async def test_when_the_client_goes_away_the_provider_is_cancelled(
    start: Any, redis: "Redis", fake_server: Any, events: Any
) -> None:
    fake_server.answers = [events("Hel", then=asyncio.Event().wait)]
    environ = {"PROVIDERS": "fake", "FAKE_BASE_URL": fake_server.url, "FAKE_MODELS": "big"}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        body = json.dumps({"model": "big", "stream": True, "messages": [{"role": "user", "content": "x"}]})
        await leave_after_first_event(replica.app, body.encode())
        await asyncio.wait_for(fake_server.disconnected.wait(), 10)
    assert redis.zcard("optimus:slots:acme") == 0


async def leave_after_first_event(app: Any, body: bytes) -> None:
    """Call the application as a server does whose client closes the connection once it has read an event."""
    begun = asyncio.Event()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            begun.set()

    headers = [(b"authorization", b"Bearer key-acme"), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers, "query_string": b""}
    await app(scope, receive, send)
