"""What a replica tells of tokens, cost and time; and what clients can't make it tell."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.metric_rules import OPENMETRICS, families, faults, series

from ai_engine.provider_metrics import answer_error_type, model_label
from ai_engine.providers.base import Model
from optimus_kit.errors import ApiError

CLOUD = {"PROVIDERS": "fake,dear", "FAKE_MODELS": "big,fast=big-mini", "FAKE_FALLBACK": "embedded:embedded"}
DEAR = {"DEAR_MODELS": "gold", "DEAR_KEYLESS": "true", "DEAR_PRICES": "gold=1000/2000"}
SECRETS = {"FAKE_API_KEYS": "k1"}
PATHS = ("/v1/chat/completions", "/v1/models", "/health", "/ready", "/metrics", "/openapi.json")
TENANTS = tuple(f"tenant-{number}" for number in range(40))


async def metrics_of(replica: Any) -> str:
    return str((await replica.client.get("/metrics", headers=OPENMETRICS)).text)


def value(text: str, name: str, **labels: str) -> float | None:
    family = families(text)[name]
    found = [sample.value for sample in family.samples if labels.items() <= sample.labels.items()]
    return found[0] if found else None


@pytest.fixture
def cloud(fake_server: Any) -> dict[str, str]:
    return CLOUD | DEAR | {"FAKE_BASE_URL": fake_server.url, "DEAR_BASE_URL": fake_server.url}


async def test_tokens_and_cost_are_the_tenants_and_an_unknown_price_is_no_cost(
    start: Any, fake_server: Any, completion: Any, cloud: dict[str, str]
) -> None:
    fake_server.answers = [completion("yes")]
    async with start(secrets=SECRETS, **cloud) as replica:
        for tenant, model in (("acme", "gold"), ("globex", "gold"), ("acme", "gold"), ("acme", "big")):
            assert (await replica.ask(tenant=tenant, model=model)).status_code == 200
        text = await metrics_of(replica)
    tokens, cost = "gen_ai_client_token_usage_total", "optimus_llm_cost_usd_total"
    gold = {"gen_ai_request_model": "gold"}
    assert value(text, tokens, tenant="acme", gen_ai_token_type="input", **gold) == 14
    assert value(text, tokens, tenant="acme", gen_ai_token_type="output", **gold) == 4
    assert value(text, tokens, tenant="globex", gen_ai_token_type="input", **gold) == 7
    assert value(text, cost, tenant="acme", **gold) == pytest.approx(2 * (7 * 1000 + 2 * 2000) / 1e6)
    assert value(text, tokens, tenant="acme", gen_ai_token_type="input", gen_ai_request_model="big") == 7
    assert value(text, cost, gen_ai_request_model="big") is None


async def test_a_fallback_is_an_operation_of_its_own(start: Any, fake_server: Any, answer: Any, cloud: Any) -> None:
    fake_server.answers = [answer(500, {})]
    async with start(secrets=SECRETS, **cloud) as replica:
        assert (await replica.ask(model="big")).status_code == 200
        text = await metrics_of(replica)
    count = "gen_ai_client_operation_duration_seconds"
    failed = value(text, count, le="+Inf", gen_ai_provider_name="fake", error_type="bad_answer")
    answered = value(text, count, le="+Inf", gen_ai_provider_name="embedded", error_type="")
    assert (failed, answered) == (1, 1)
    assert value(text, "gen_ai_client_token_usage_total", gen_ai_provider_name="fake") is None


async def test_a_stream_tells_its_first_words_and_its_tokens(start: Any) -> None:
    async with start() as replica:
        assert "[DONE]" in (await replica.ask(model="embedded/1", stream=True)).text
        text = await metrics_of(replica)
    embedded = {"gen_ai_request_model": "embedded"}
    assert value(text, "gen_ai_server_time_to_first_token_seconds", le="+Inf", **embedded) == 1
    assert value(text, "gen_ai_client_token_usage_total", gen_ai_token_type="input", **embedded) == 2
    assert value(text, "optimus_llm_cost_usd_total", **embedded) == 0


async def test_a_client_that_goes_away_is_told_as_cancelled(
    start: Any, fake_server: Any, events: Any, cloud: Any
) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        await never.wait()

    fake_server.answers = [events("so ", then=hang)]
    async with start(secrets=SECRETS, **cloud) as replica:
        asked = asyncio.create_task(replica.ask(model="gold", stream=True))
        await begun.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        text = await metrics_of(replica)
    assert value(text, "gen_ai_client_operation_duration_seconds", le="+Inf", error_type="cancelled") == 1
    assert value(text, "gen_ai_client_token_usage_total") is None


async def test_the_page_of_metrics_says_what_is_shown(start: Any, fake_server: Any, answer: Any, cloud: Any) -> None:
    fake_server.answers = [answer(429, {}, Retry_After="60")]
    async with start(secrets=SECRETS, **cloud) as replica:
        await replica.ask(model="big")
        await replica.ask(model="embedded", stream=True)
        text = await metrics_of(replica)
    assert faults(text, "A") == []


async def hostile_round(replica: Any, mark: str) -> None:
    """Ask for everything as each tenant, with names that no earlier round had."""
    for tenant in TENANTS:
        for model in ("embedded", "embedded/0", "big", "gold", f"gone-{mark}", f"embedded/{mark}", f"big/{mark}"):
            await replica.ask(tenant=tenant, model=model)
        await replica.ask(f"hello {mark}", tenant=tenant, stream=True, headers={"X-Session-Id": f"s-{mark}"})
        await replica.ask(tenant=tenant, temperature="hot")
        await replica.client.get(f"/v1/models/{mark}", headers={"Authorization": f"Bearer key-{tenant}"})
    for method in ("GET", "PUT", "PATCH", "OPTIONS", "HEAD", f"X-{mark}"):
        for path in (
            "/v1/chat/completions",
            "/v1/models",
            "/health",
            "/ready",
            "/metrics",
            "/openapi.json",
            f"/{mark}",
        ):
            await replica.client.request(method, path, headers={"X-Request-Id": mark, "traceparent": mark})
    await replica.ask(tenant=f"unknown-{mark}")


async def test_the_number_of_series_is_bounded_whatever_clients_send(
    start: Any, fake_server: Any, completion: Any, cloud: dict[str, str], tmp_path: Path
) -> None:
    fake_server.answers = [completion("yes")]
    tenants = tmp_path / "many.yaml"
    limits = "{requests_per_minute: 600000, burst: 10000}"
    tenants.write_text("tenants:\n" + "".join(f"  {tenant}: {limits}\n" for tenant in TENANTS))
    secrets = {f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY": f"key-{tenant}" for tenant in TENANTS}
    async with start(secrets=secrets | SECRETS, **cloud, TENANTS_FILE=str(tenants)) as replica:
        await hostile_round(replica, "1")
        first = series(await metrics_of(replica))
        await hostile_round(replica, "0002")
        await hostile_round(replica, 'a"b%0Ac')
        second = series(await metrics_of(replica))
    assert second - first == set()
    # 40 tenants: 14 series each for requests, 3 for each of three models that they used; the rest is the replica's.
    assert len(second) < 40 * (16 + 3 * 3) + 1500


@given(st.text(), st.lists(st.text(min_size=1), max_size=5))
def test_any_model_has_a_label_of_the_catalogue_or_other(model: str, names: list[str]) -> None:
    offered = tuple(Model(name, "somebody") for name in names)
    assert model_label(model, offered) in {*names, "other"}
    for name in names:
        assert model_label(name, offered) == name


@given(st.integers(100, 999))
def test_any_failure_has_a_word_of_few(status: int) -> None:
    words = {"rate_limited", "bad_answer", "unavailable", "timeout", "request", "internal"}
    assert answer_error_type(ApiError(status, "no")) in words
    assert answer_error_type(ValueError("text of a client")) == "internal"
