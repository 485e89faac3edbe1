"""What a tenant is told whose requests are more than its places can serve, and what that costs others: through HTTP."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis import Redis
from tests.support.metric_rules import OPENMETRICS, families

# Two connections and four tenants: each has one.
PLACES = {"PROVIDERS": "fake", "FAKE_MODELS": "big", "PROVIDER_CONNECTIONS": "2", "FAKE_FALLBACK": "embedded:embedded"}
KEYS = {"FAKE_API_KEYS": "k1"}


@pytest.fixture
def environ(fake_server: Any) -> dict[str, str]:
    return PLACES | {"FAKE_BASE_URL": fake_server.url}


async def waits(replica: Any) -> dict[str, int]:
    text = (await replica.client.get("/metrics", headers=OPENMETRICS)).text
    samples = families(text)["optimus_provider_wait_seconds"].samples
    return {s.labels["outcome"]: int(s.value) for s in samples if s.name.endswith("_count")}


async def in_line(replica: Any, count: int) -> None:
    """Return once so many requests wait."""
    for _ in range(2000):
        text = (await replica.client.get("/metrics", headers=OPENMETRICS)).text
        if families(text)["optimus_provider_waiting_requests"].samples[0].value == count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the requests don't wait")


async def asked(fake_server: Any, count: int) -> None:
    """Return once the provider was asked so often."""
    for _ in range(2000):
        if len(fake_server.received) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{len(fake_server.received)} requests reached the provider")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_would_wait_in_vain_is_refused_before_anything_is_done_for_it(
    start: Any, redis: "Redis", fake_server: Any, events: Any, environ: dict[str, str], *, stream: bool
) -> None:
    held = asyncio.Event()
    fake_server.answers = [events("Hel", then=held.wait)]
    async with start(secrets=KEYS, **environ, PROVIDER_WAIT_SECONDS="0") as replica:
        first = asyncio.create_task(replica.ask(model="big", stream=True))
        await asked(fake_server, 1)
        refused = await replica.ask(model="big", stream=stream)
        counts = redis.hgetall("optimus:counts:acme")
        held.set()
        served = await first
        told = await waits(replica)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "tenant_queue_full")
    assert refused.headers["retry-after"] == "1"
    # Neither the store nor a fallback model was asked.
    assert counts == {}
    assert len(fake_server.received) == 1
    assert (served.status_code, told) == (200, {"granted": 1, "refused": 1})


async def test_a_request_that_waits_is_served_when_its_tenants_place_is_free(
    start: Any, fake_server: Any, events: Any, environ: dict[str, str]
) -> None:
    held = asyncio.Event()
    fake_server.answers = [events("Hel", then=held.wait)]
    async with start(secrets=KEYS, **environ, PROVIDER_WAIT_SECONDS="30") as replica:
        tasks = [asyncio.create_task(replica.ask(model="big", stream=True)) for _ in range(3)]
        await in_line(replica, 2)
        other = asyncio.create_task(replica.ask(tenant="globex", model="big", stream=True))
        # The other tenant's is the second to reach the provider, though two asked before.
        await asked(fake_server, 2)
        held.set()
        answers = [*await asyncio.gather(*tasks), await other]
        told = await waits(replica)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert told == {"granted": 4}


async def test_a_client_that_goes_away_leaves_the_queue(
    start: Any, redis: "Redis", fake_server: Any, events: Any, environ: dict[str, str]
) -> None:
    held = asyncio.Event()
    fake_server.answers = [events("Hel", then=held.wait)]
    async with start(secrets=KEYS, **environ, PROVIDER_WAIT_SECONDS="30") as replica:
        first = asyncio.create_task(replica.ask(model="big", stream=True))
        await asked(fake_server, 1)
        async with AsyncExitStack() as clients:
            gone = [asyncio.create_task(replica.ask(model="big", stream=stream)) for stream in (True, False)]
            clients.callback(held.set)
            await in_line(replica, 2)
            for task in gone:
                task.cancel()
            await asyncio.gather(*gone, return_exceptions=True)
        served = await first
        after = await replica.ask(model="big", stream=True)
        told = await waits(replica)
    assert {served.status_code, after.status_code} == {200}
    assert len(fake_server.received) == 2
    assert told == {"granted": 2, "left": 2}
    assert redis.zcard("optimus:slots:acme") == 0


async def test_a_wait_that_ends_in_vain_is_the_tenants_own_backlog(
    start: Any, redis: "Redis", fake_server: Any, events: Any, environ: dict[str, str]
) -> None:
    held = asyncio.Event()
    fake_server.answers = [events("Hel", then=held.wait)]
    async with start(secrets=KEYS, **environ, PROVIDER_WAIT_SECONDS="0.05") as replica:
        first = asyncio.create_task(replica.ask(model="big", stream=True))
        await asked(fake_server, 1)
        late = await replica.ask(model="big")
        held.set()
        await first
        told = await waits(replica)
    assert (late.status_code, late.json()["error"]["code"]) == (429, "tenant_queue_full")
    assert told == {"granted": 1, "timed_out": 1}
    assert redis.zcard("optimus:slots:acme") == 0


async def test_beside_another_tenant_a_backlog_waits_to_be_begun_and_all_of_it_is_answered(start: Any) -> None:
    async with start() as replica:
        first = await replica.ask(tenant="globex")
        tasks = [asyncio.create_task(replica.ask(f"question {number}")) for number in range(40)]
        other = await replica.ask(tenant="globex")
        answers = await asyncio.gather(*tasks)
        after = await replica.ask(stream=True)
        text = (await replica.client.get("/metrics", headers=OPENMETRICS)).text
    found = families(text)
    assert {answer.status_code for answer in (first, other, after, *answers)} == {200}
    assert found["optimus_start_waiting_requests"].samples[0].value == 0
    assert found["optimus_start_refused_requests_total"].samples[0].value == 0
