"""The service without its database: what is decided before one is needed, and what clients see while it is away."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from memory_engine.embeddings import Embedder, EmbeddingError
from memory_engine.vectors import Vector


class ClientFor(Protocol):
    def __call__(
        self, url: str, *, embedder: Embedder | None = None, **variables: str
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]: ...


class FailingEmbedder:
    space = "none"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        raise EmbeddingError(f"no vectors for {len(texts)} texts", status=503, code="embeddings_busy", retry_after=4)

    async def close(self) -> None:
        pass


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    return f"postgresql://nobody@/nothing?host={tmp_path}"


@pytest.fixture
async def client(client_for: ClientFor, nowhere: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(nowhere, DB_POOL_TIMEOUT="0.05") as client:
        yield client


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize("path", ["/v1/memories", "/v1/memories/search", "/v1/memories/batch"])
async def test_without_a_tenants_key_nothing_is_told_not_even_what_is_wrong_with_the_request(
    client: httpx.AsyncClient, headers: dict[str, str], path: str
) -> None:
    answer = await client.post(path, json={"nonsense": 1}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"text": ""}', b'{"text": "x", "id": "7"}', b'{"text": "x", "metadata": {"a": NaN}}']
)
async def test_bad_requests_get_one_clear_error(client: httpx.AsyncClient, acme: dict[str, str], body: bytes) -> None:
    answer = await client.post("/v1/memories", content=body, headers=acme | {"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()["error"]) >= {"message", "type", "code"}


async def test_json_nested_beyond_reason_is_a_bad_request(client: httpx.AsyncClient, acme: dict[str, str]) -> None:
    body = b'{"text": "x", "metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
    answer = await client.post("/v1/memories", content=body, headers=acme | {"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_cannot_be_an_id_names_no_memory(
    client: httpx.AsyncClient, acme: dict[str, str], method: str
) -> None:
    answer = await client.request(method, "/v1/memories/1%27%20OR%20true", headers=acme)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "memory_not_found"


async def test_while_the_database_is_away_requests_are_told_to_come_back(
    client: httpx.AsyncClient, acme: dict[str, str]
) -> None:
    answer = await client.post("/v1/memories/search", json={"query": "anything"}, headers=acme)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "database_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_while_the_database_is_away_health_names_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"


async def test_without_embeddings_no_connection_is_asked_for(
    client_for: ClientFor, nowhere: str, acme: dict[str, str]
) -> None:
    async with client_for(nowhere, embedder=FailingEmbedder()) as client:
        answer = await client.post("/v1/memories", json={"text": "x"}, headers=acme)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "embeddings_busy"
    assert answer.headers["Retry-After"] == "4"


class HeldEmbedder:
    space = "none"

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if texts != ["quick"]:
            await self.go.wait()
        raise EmbeddingError("the endpoint was asked", status=502, code="embeddings_failed")

    async def close(self) -> None:
        pass


async def test_the_embedders_connections_taken_by_one_tenant_leave_the_other_its_share(
    client_for: ClientFor, nowhere: str, acme: dict[str, str], globex: dict[str, str]
) -> None:
    remote = {"EMBEDDINGS_PROVIDER": "openai", "EMBEDDINGS_BASE_URL": "http://models", "EMBEDDINGS_MODEL": "m"}
    held = HeldEmbedder()
    async with client_for(nowhere, embedder=held, **remote) as client:

        def search(headers: dict[str, str], query: str) -> Coroutine[Any, Any, httpx.Response]:
            return client.post("/v1/memories/search", json={"query": query}, headers=headers)

        loud = [asyncio.create_task(search(acme, "slow")) for _ in range(80)]
        await asyncio.wait(loud, return_when=asyncio.FIRST_COMPLETED)
        quiet = await search(globex, "quick")
        held.go.set()
        answers = await asyncio.gather(*loud)
    assert quiet.json()["error"]["code"] == "embeddings_failed"
    codes = {answer.json()["error"]["code"] for answer in answers}
    # On a slow machine some wait for a place until their patience is over.
    assert {"tenant_queue_full"} <= codes <= {"tenant_queue_full", "embeddings_failed", "overloaded"}
