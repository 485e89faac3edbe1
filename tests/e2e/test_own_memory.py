"""Memories, which only the inside of a platform reaches."""

import httpx
import pytest
from tests.e2e.asking import question, unique
from tests.e2e.driven import OwnPlatform
from tests.support.metric_rules import OPENMETRICS, families, faults


@pytest.fixture
def memories(own_platform: OwnPlatform) -> str:
    return f"{own_platform.memory}/v1/memories"


def kept(http: httpx.Client, memories: str, text: str, headers: dict[str, str]) -> str:
    answer = http.post(memories, json={"text": text}, headers=headers)
    assert answer.status_code == 201, answer.text
    memory_id: str = answer.json()["id"]
    return memory_id


def found(http: httpx.Client, memories: str, query: str, headers: dict[str, str]) -> list[str]:
    answer = http.post(f"{memories}/search", json={"query": query, "limit": 5}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [result["id"] for result in answer.json()["results"]]


def test_a_memory_is_found_until_it_is_deleted(own_platform: OwnPlatform, http: httpx.Client, memories: str) -> None:
    acme = own_platform.bearer("acme")
    text = f"the customer {unique('x')} prefers deliveries on Tuesday"
    memory_id = kept(http, memories, text, acme)
    assert memory_id in found(http, memories, text, acme)
    assert http.delete(f"{memories}/{memory_id}", headers=acme).status_code == 204
    assert memory_id not in found(http, memories, text, acme)


def test_another_tenants_memory_does_not_exist(own_platform: OwnPlatform, http: httpx.Client, memories: str) -> None:
    acme, globex = own_platform.bearer("acme"), own_platform.bearer("globex")
    text = f"the secret recipe {unique('x')}"
    memory_id = kept(http, memories, text, acme)
    assert memory_id not in found(http, memories, text, globex)
    assert http.delete(f"{memories}/{memory_id}", headers=globex).status_code == 404
    assert memory_id in found(http, memories, text, acme)


def test_a_chat_is_given_what_is_remembered(own_platform: OwnPlatform, http: httpx.Client, memories: str) -> None:
    acme = own_platform.bearer("acme")
    text = f"order {unique('x')} goes to the dock in Recife"
    kept(http, memories, text, acme)
    url = f"{own_platform.ai_engines[0]}/v1/chat/completions"
    plain = http.post(url, json=question(text), headers=acme)
    recalled = http.post(url, json=question(text, memory=True), headers=acme)
    assert recalled.headers["X-Recall"] == "used"
    # What is remembered is read by the model: it costs tokens.
    assert recalled.json()["usage"]["prompt_tokens"] > plain.json()["usage"]["prompt_tokens"]


def test_memory_engine_says_who_it_is(own_platform: OwnPlatform, http: httpx.Client) -> None:
    for path in ("/health", "/ready", "/metrics"):
        answer = http.get(own_platform.memory + path, headers={"X-Request-Id": "e2e-1"})
        assert answer.status_code == 200
        assert (answer.headers["X-Served-By"], answer.headers["X-Request-Id"]) == ("memory-engine-1", "e2e-1")


def test_memory_engine_tells_of_its_connections(own_platform: OwnPlatform, http: httpx.Client, memories: str) -> None:
    found(http, memories, "anything", own_platform.bearer("acme"))
    text = http.get(f"{own_platform.memory}/metrics", headers=OPENMETRICS).text
    assert faults(text, "M") == []
    connections = {sample.labels["state"]: sample.value for sample in families(text)["db_client_connections"].samples}
    (most,) = (sample.value for sample in families(text)["db_client_connections_max"].samples)
    assert 1 <= connections["idle"] + connections["used"] <= most
