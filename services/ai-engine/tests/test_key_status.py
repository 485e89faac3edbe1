"""How provider keys are, wherever that is shown."""

import json
import re
from typing import Any

from redis import Redis

from ai_engine.report import lines, samples

FAKE = {"PROVIDERS": "fake", "FAKE_MODELS": "big"}


async def test_a_key_that_failed_is_shown_with_reason_and_next_try_and_never_itself(
    start: Any, fake_server: Any, answer: Any
) -> None:
    fake_server.answers = [answer(429, {}, Retry_After="60")]
    async with start(secrets={"FAKE_API_KEYS": "hunter2"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        await replica.ask(model="big")
        metrics = (await replica.client.get("/metrics")).text
    assert 'optimus_provider_key_failures_total{key="1",provider="fake",reason="rate_limited"} 1.0' in metrics
    [line] = lines(samples(metrics))
    assert re.fullmatch(r"! provider fake, key 1: open for acme \(rate_limited\), next try in [1-6]?\d s", line)
    assert "hunter2" not in metrics


async def test_the_presence_of_a_replica_tells_its_keys(start: Any, redis: "Redis", fake_server: Any) -> None:
    async with start(secrets={"FAKE_API_KEYS": "hunter2"}, **FAKE, FAKE_BASE_URL=fake_server.url) as replica:
        await replica.ask()
        [name] = redis.keys("optimus:replica:ai-engine:*")
        told = json.loads(str(redis.get(name)))["provider_keys"]
    assert told == [{"provider": "fake", "key": 1, "state": "closed", "reason": "", "retry_at": 0, "tenants": []}]


async def test_a_tenants_file_that_cannot_be_used_is_shown(start: Any) -> None:
    assert lines(samples("optimus_tenants_file_refused 0.0")) == []
    [line] = lines(samples("optimus_tenants_file_refused 1.0"))
    assert line.startswith("! tenants file")
    async with start() as replica:
        assert "optimus_tenants_file_refused 0.0" in (await replica.client.get("/metrics")).text


def test_other_metrics_and_nonsense_are_passed_over() -> None:
    assert lines(samples('# HELP x y\nx{a="b"} 1\n\nnonsense\nhttp_requests_total{path="/a b\\"}"} 3e2')) == []
