import json
import time

import httpx
import pytest
from tests.e2e.asking import question, reply_of, unique
from tests.e2e.driven import Platform

PATH = "/v1/chat/completions"


def test_a_question_is_answered(platform: Platform, http: httpx.Client) -> None:
    answer = http.post(platform.ai_engines[0] + PATH, json=question("hello"), headers=platform.bearer("acme"))
    assert reply_of(answer) == "Turn 1. You said: hello"
    assert answer.json()["usage"]["total_tokens"] > 0


def test_a_streamed_answer_is_the_same_in_pieces(platform: Platform, http: httpx.Client) -> None:
    body = question("one two three", stream=True)
    with http.stream("POST", platform.ai_engines[0] + PATH, json=body, headers=platform.bearer("acme")) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    pieces = [delta["content"] for delta in deltas if delta.get("content")]
    assert "".join(pieces) == "Turn 1. You said: one two three"
    assert len(pieces) > 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_without_a_key_nothing_is_answered(platform: Platform, http: httpx.Client, headers: dict[str, str]) -> None:
    answer = http.post(platform.ai_engines[0] + PATH, json=question("hello"), headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


def test_an_unknown_model_is_named_as_such(platform: Platform, http: httpx.Client) -> None:
    body = question("hello", model="no-such-model")
    answer = http.post(platform.ai_engines[0] + PATH, json=body, headers=platform.bearer("acme"))
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["code"]


def test_the_models_on_offer_hold_the_embedded_one(platform: Platform, http: httpx.Client) -> None:
    models = http.get(f"{platform.ai_engines[0]}/v1/models", headers=platform.bearer("acme")).json()
    assert "embedded" in [model["id"] for model in models["data"]]


def test_any_replica_continues_a_conversation(platform: Platform, http: httpx.Client) -> None:
    headers = platform.bearer("acme") | {"X-Session-Id": unique("e2e")}
    for turn in range(1, 5):
        replica = platform.ai_engines[turn % len(platform.ai_engines)]
        answer = http.post(replica + PATH, json=question(f"say {turn}"), headers=headers)
        assert reply_of(answer) == f"Turn {turn}. You said: say {turn}"


def test_conversations_of_two_tenants_are_apart(platform: Platform, http: httpx.Client) -> None:
    session = {"X-Session-Id": unique("e2e")}
    for tenant in ("acme", "globex"):
        answer = http.post(
            platform.ai_engines[0] + PATH, json=question("hi"), headers=platform.bearer(tenant) | session
        )
        assert reply_of(answer) == "Turn 1. You said: hi"


def test_a_model_named_for_its_latency_takes_that_long(platform: Platform, http: httpx.Client) -> None:
    started = time.monotonic()
    body = question("hello", model="embedded/1500")
    answer = http.post(platform.ai_engines[0] + PATH, json=body, headers=platform.bearer("acme"))
    assert reply_of(answer) == "Turn 1. You said: hello"
    assert time.monotonic() - started >= 1.5
