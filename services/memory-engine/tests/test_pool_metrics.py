"""What a replica tells of its database connections; tests/e2e does the same with a database."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import uuid4

import httpx
from tests.support.metric_rules import OPENMETRICS, families, faults, series

ClientFor = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def metrics_of(client: httpx.AsyncClient) -> str:
    return (await client.get("/metrics", headers=OPENMETRICS)).text


def value(text: str, name: str) -> float:
    return float(families(text)[name].samples[0].value)


async def test_the_page_of_metrics_says_what_is_shown(
    client_for: ClientFor, tmp_path: Path, acme: dict[str, str]
) -> None:
    async with client_for(f"postgresql://nobody@/nothing?host={tmp_path}", DB_POOL_TIMEOUT="0.05") as client:
        await client.post("/v1/memories/search", json={"query": "x"}, headers=acme)
        text = await metrics_of(client)
    assert faults(text, "M") == []


async def test_requests_that_wait_in_vain_for_a_connection_are_counted(
    client_for: ClientFor, tmp_path: Path, acme: dict[str, str]
) -> None:
    url = f"postgresql://nobody@/nothing?host={tmp_path}"
    async with client_for(url, DB_POOL_TIMEOUT="0.05", DB_POOL_SIZE="2", DB_MAX_OVERFLOW="3") as client:
        for _ in range(3):
            assert (await client.post("/v1/memories/search", json={"query": "x"}, headers=acme)).status_code == 503
        text = await metrics_of(client)
        again = await metrics_of(client)
    assert value(text, "db_client_connections_timeouts_total") == 3
    assert value(again, "db_client_connections_timeouts_total") == 3
    assert value(text, "db_client_connections_wait_seconds_total") >= 0
    assert value(text, "db_client_connections_max") == 5
    assert value(text, "optimus_database_connections_budget") == 5
    assert {sample.labels["state"]: sample.value for sample in families(text)["db_client_connections"].samples} == {
        "used": 0,
        "idle": 0,
    }


async def test_what_clients_invent_makes_no_series(client_for: ClientFor, tmp_path: Path, acme: dict[str, str]) -> None:
    async def round_of(client: httpx.AsyncClient) -> None:
        mark = uuid4().hex
        await client.post("/v1/memories/search", json={"query": mark}, headers=acme)
        await client.post("/v1/memories", json={"text": mark}, headers={"Authorization": f"Bearer {mark}"})
        for method in ("GET", "POST", "DELETE", "OPTIONS", f"X-{mark}"):
            for path in (f"/v1/memories/{mark}", f"/{mark}", "/v1/memories", "/health", f"/metrics?{mark}"):
                await client.request(method, path, headers=acme)

    async with client_for(f"postgresql://nobody@/nothing?host={tmp_path}", DB_POOL_TIMEOUT="0.05") as client:
        await round_of(client)
        first = series(await metrics_of(client))
        await round_of(client)
        second = series(await metrics_of(client))
    assert second - first == set()
    assert len(second) < 1000
