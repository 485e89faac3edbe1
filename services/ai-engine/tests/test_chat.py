"""The service through HTTP, on a real Redis."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from redis import Redis


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


async def test_any_replica_continues_a_conversation(start: Any) -> None:
    session = {"headers": {"X-Session-Id": "s.1"}}
    async with start() as one, start() as other:
        await one.ask("first", **session)
        streamed = await other.ask("second", stream=True, **session)
        third = await one.ask("third", **session)
        stranger = await other.ask("mine", tenant="globex", **session)
        alone = await other.ask("alone")
    assert "Turn" in streamed.text
    assert third.json()["choices"][0]["message"]["content"] == "Turn 3. You said: third"
    assert third.headers["x-session-id"] == "s.1"
    assert stranger.json()["choices"][0]["message"]["content"] == "Turn 1. You said: mine"
    assert alone.json()["choices"][0]["message"]["content"] == "Turn 1. You said: alone"


async def test_turns_at_once_are_kept_whole(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        asks = (
            replica.ask(f"question {number}", model="embedded/5", headers={"X-Session-Id": "s"})
            for number in range(8)
            for replica in (one, other)
        )
        await asyncio.gather(*asks)
    entries = [json.loads(str(entry)) for entry in redis.lrange("optimus:session:acme:s", 0, -1)]
    assert [entry["role"] for entry in entries] == ["user", "assistant"] * 16
    for user, assistant in zip(entries[::2], entries[1::2], strict=True):
        assert assistant["content"].endswith(user["content"])


async def test_a_conversation_is_bounded_and_ends(start: Any, redis: "Redis") -> None:
    async with start(SESSION_MAX_MESSAGES="4", SESSION_TTL="100") as replica:
        for number in range(4):
            await replica.ask(f"q{number}", headers={"X-Session-Id": "s"})
    assert redis.llen("optimus:session:acme:s") == 4
    assert 0 < int(str(redis.ttl("optimus:session:acme:s"))) <= 100


async def test_a_client_is_told_when_a_turn_it_wants_kept_for_certain_may_be_lost(start: Any) -> None:
    async with start(REDIS_WAIT_REPLICAS="1", REDIS_WAIT_SECONDS="0.01") as replica:
        marked = await replica.ask("q", headers={"X-Session-Id": "s", "X-Session-Durable": "true"})
        plain = await replica.ask("q", headers={"X-Session-Id": "s"})
    assert (marked.status_code, marked.headers.get("X-Session-Stored")) == (200, "false")
    assert (plain.status_code, plain.headers.get("X-Session-Stored")) == (200, None)


async def test_the_instructions_of_a_request_are_not_kept(start: Any, redis: "Redis") -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    async with start() as replica:
        await replica.ask(messages=messages, headers={"X-Session-Id": "s"})
    roles = [json.loads(str(entry))["role"] for entry in redis.lrange("optimus:session:acme:s", 0, -1)]
    assert roles == ["user", "assistant"]


async def test_over_the_rate_the_answer_says_when_to_come_back(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        answers = [await replica.ask(tenant="slow") for replica in (one, other, one)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) in range(1, 61)
    assert answers[2].headers["x-ratelimit-remaining-requests"] == "0"
    assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert redis.hgetall("optimus:counts:slow") == {
        "requests": "2",
        "rejected": "1",
        "messages_in": "2",
        "messages_out": "2",
        "tokens": "14",
    }


async def test_a_message_is_counted_once_however_often_it_is_sent(start: Any, redis: "Redis") -> None:
    def said(role: str, content: str) -> dict[str, str]:
        return {"role": role, "content": content}

    resent = [said("user", "a"), said("assistant", "b"), said("user", "c")]
    async with start() as replica:
        await replica.ask(messages=resent[:1])
        await replica.ask(messages=resent, stream=True)
        await replica.ask("from the queue", headers={"X-Messages-Counted": "true"})
    counts = redis.hgetall("optimus:counts:acme")
    assert (counts["requests"], counts["messages_in"], counts["messages_out"]) == ("3", "2", "2")


async def test_requests_at_once_are_bounded_and_slots_come_back(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        long = asyncio.create_task(one.ask(tenant="single", model="embedded/60000"))
        await taken(redis, "optimus:slots:single")
        refused = await other.ask(tenant="single")
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        after = [await other.ask(tenant="single") for _ in range(3)]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "concurrency_limit_exceeded")
    assert refused.headers["retry-after"] == "1"
    assert [answer.status_code for answer in after] == [200] * 3
    assert redis.zcard("optimus:slots:single") == 0


async def taken(redis: "Redis", slots: str) -> None:
    """Return once a request holds a slot."""
    for _ in range(2000):
        if redis.zcard(slots):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("no request was admitted")


async def test_the_slot_of_a_crashed_replica_comes_back(start: Any, redis: "Redis") -> None:
    redis.zadd("optimus:slots:single", {"left-behind": 1_000})
    async with start() as replica:
        answer = await replica.ask(tenant="single")
    assert answer.status_code == 200


async def test_scripts_are_loaded_again_after_a_failover(start: Any, redis: "Redis") -> None:
    async with start() as replica:
        before = await replica.ask()
        redis.script_flush()
        after = await replica.ask()
    assert (before.status_code, after.status_code) == (200, 200)


async def test_without_the_store_nothing_is_admitted(start: Any) -> None:
    async with start(REDIS_URL="redis://127.0.0.1:9/0") as replica:
        answer = await replica.ask()
        health = await replica.client.get("/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert (health.status_code, health.json()["failed"]) == (503, ["redis"])


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
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["error"]["code"] for answer in refused} == {"overloaded"}
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


NULLS = ("stream", "stream_options", "n", "max_tokens", "temperature", "stop", "tools", "tool_choice", "memory", "user")


async def test_null_is_as_good_as_absent(start: Any) -> None:
    messages = [
        {"role": "assistant", "content": None, "tool_calls": None},
        {"role": "user", "content": "hi", "name": None},
    ]
    async with start() as replica:
        answer = await replica.ask(messages=messages, **dict.fromkeys(NULLS))
    assert answer.json()["choices"][0]["message"]["content"] == "Turn 1. You said: hi"


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


async def test_parts_of_a_stream_reach_the_client_and_no_line_breaks_within_an_event(
    start: Any, fake_server: Any, events: Any
) -> None:
    parts = [{"type": "text", "text": "a\u2028b\x85c"}]
    fake_server.answers = [events(parts, "\ud83d", "\ude00")]
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        got = await replica.ask(model="big", stream=True)
    assert [line for line in got.text.splitlines() if line and not line.startswith("data: ")] == []
    deltas = [event["choices"][0]["delta"].get("content") for event in events_of(got)]
    assert deltas == ["", parts, "\ud83d", "\ude00", None]


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
