import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.e2e.memory_stack import ACME, GLOBEX, MemoryStack, embedded_server, memory_stack

from memory_engine.database import Database, DatabaseError
from memory_engine.logins import USERS, Login
from memory_engine.migrate import migrate
from memory_engine.store import MemoryStore, NewMemory
from memory_engine.vectors import Vector

pytestmark = pytest.mark.e2e

FACTS = (
    "Acme pays invoices within thirty days",
    "The warehouse in Recife opens at 8",
    "Maria prefers WhatsApp over e-mail",
    "Order 4711 was shipped on Monday",
)


def quiet(_: str) -> None:
    pass


@pytest.fixture
def stack(server_url: str, tmp_path: Path) -> Iterator[MemoryStack]:
    with memory_stack(server_url, tmp_path) as stack:
        migrate(stack.settings().database, quiet)
        yield stack


@pytest.fixture
async def client(stack: MemoryStack) -> AsyncIterator[httpx.AsyncClient]:
    # One connection for everyone: what a tenant leaves on it, the next one would find.
    async with stack.client(DB_POOL_SIZE="1", DB_MAX_OVERFLOW="0") as client:
        yield client


async def keep(client: httpx.AsyncClient, tenant: dict[str, str], **memory: object) -> dict[str, Any]:
    answer = await client.post("/v1/memories", json=memory, headers=tenant)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def search(client: httpx.AsyncClient, tenant: dict[str, str], **query: object) -> list[dict[str, Any]]:
    answer = await client.post("/v1/memories/search", json=query, headers=tenant)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


async def test_the_nearest_memories_come_first_with_what_was_kept(client: httpx.AsyncClient) -> None:
    for fact in FACTS:
        await keep(client, ACME, text=fact, metadata={"source": "chat", "rank": [1, 2.5, None]})
    results = await search(client, ACME, query="when is the invoice paid?", limit=3)
    scores = [result["score"] for result in results]
    assert results[0]["text"] == FACTS[0]
    assert results[0]["metadata"] == {"source": "chat", "rank": [1, 2.5, None]}
    assert len(results) == 3
    assert scores == sorted(scores, reverse=True)


async def test_the_same_text_scores_one(client: httpx.AsyncClient) -> None:
    await keep(client, ACME, text=FACTS[3])
    (result,) = await search(client, ACME, query=FACTS[3])
    assert result["score"] == pytest.approx(1.0, abs=1e-6)


async def test_a_least_score_leaves_out_what_is_far(client: httpx.AsyncClient) -> None:
    for fact in FACTS:
        await keep(client, ACME, text=fact)
    assert [result["text"] for result in await search(client, ACME, query=FACTS[1], min_score=0.9)] == [FACTS[1]]


async def test_a_filter_finds_the_one_memory_among_many_that_are_nearer(client: httpx.AsyncClient) -> None:
    crowd = [{"text": f"invoice {number} was paid", "metadata": {"kind": "invoice"}} for number in range(100)]
    assert (await client.post("/v1/memories/batch", json={"memories": crowd}, headers=ACME)).status_code == 201
    await keep(client, ACME, text="The warehouse closes at 6", metadata={"kind": "hours", "open": True, "n": 7})
    for wanted in ({"kind": "hours"}, {"open": True}, {"n": 7}, {"kind": "hours", "n": 7}):
        results = await search(client, ACME, query="invoice 5 was paid", filter=wanted)
        assert [result["text"] for result in results] == ["The warehouse closes at 6"]
    assert await search(client, ACME, query="invoice 5 was paid", filter={"kind": "hours", "n": 8}) == []


async def test_a_tenant_neither_finds_nor_reads_nor_deletes_what_is_anothers(client: httpx.AsyncClient) -> None:
    kept = await keep(client, ACME, text=FACTS[0])
    place = f"/v1/memories/{kept['id']}"
    assert await search(client, GLOBEX, query=FACTS[0]) == []
    assert (await client.get(place, headers=GLOBEX)).status_code == 404
    assert (await client.delete(place, headers=GLOBEX)).status_code == 404
    assert (await client.get(place, headers=ACME)).json() == kept


@pytest.mark.parametrize(
    "crafted", [{"tenant": "acme"}, {"optimus.tenant": "acme"}, {"'; SET ROLE postgres; --": "acme"}]
)
async def test_crafted_input_reaches_no_other_tenant(client: httpx.AsyncClient, crafted: dict[str, str]) -> None:
    await keep(client, ACME, text=FACTS[0], metadata=crafted)
    assert await search(client, GLOBEX, query="'); SELECT set_config('optimus.tenant', 'acme', false); --") == []
    assert await search(client, GLOBEX, query=FACTS[0], filter=crafted) == []


async def test_two_tenants_may_use_the_same_id_and_do_not_learn_of_each_other(client: httpx.AsyncClient) -> None:
    same = str(uuid4())
    await keep(client, ACME, text=FACTS[0], id=same)
    assert (await keep(client, GLOBEX, text=FACTS[1], id=same))["text"] == FACTS[1]
    assert (await client.delete(f"/v1/memories/{same}", headers=GLOBEX)).status_code == 204
    assert (await client.get(f"/v1/memories/{same}", headers=ACME)).json()["text"] == FACTS[0]


async def test_a_deleted_memory_is_gone(client: httpx.AsyncClient) -> None:
    place = f"/v1/memories/{(await keep(client, ACME, text=FACTS[0]))['id']}"
    assert (await client.delete(place, headers=ACME)).status_code == 204
    assert (await client.delete(place, headers=ACME)).status_code == 404
    assert await search(client, ACME, query=FACTS[0]) == []


@pytest.mark.parametrize("by", ["id", "key"])
async def test_keeping_the_same_memory_again_changes_nothing(client: httpx.AsyncClient, by: str) -> None:
    headers = ACME | ({"Idempotency-Key": "call-7"} if by == "key" else {})
    body = {"text": FACTS[0], "metadata": {"a": 1}} | ({"id": str(uuid4())} if by == "id" else {})
    first, second = [await client.post("/v1/memories", json=body, headers=headers) for _ in range(2)]
    other = await client.post("/v1/memories", json=body | {"text": FACTS[1]}, headers=headers)
    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 409)
    assert first.json() == second.json()
    assert len(await search(client, ACME, query=FACTS[0])) == 1


async def test_of_a_batch_with_one_conflict_nothing_is_kept(client: httpx.AsyncClient) -> None:
    taken = str(uuid4())
    await keep(client, ACME, text=FACTS[0], id=taken)
    batch = {"memories": [{"text": FACTS[2]}, {"text": FACTS[1], "id": taken}, {"text": FACTS[3]}]}
    assert (await client.post("/v1/memories/batch", json=batch, headers=ACME)).status_code == 409
    assert [result["text"] for result in await search(client, ACME, query=FACTS[2])] == [FACTS[0]]


async def test_memories_of_another_vector_space_are_never_compared(stack: MemoryStack) -> None:
    database = Database(stack.settings().database)
    await database.open()
    vector = Vector.of([1.0] + [0.0] * 383)
    await MemoryStore(database, "another-model").insert("acme", [NewMemory(uuid4(), FACTS[0], {}, vector)])
    await database.close()
    async with stack.client() as client:
        assert await search(client, ACME, query=FACTS[0]) == []


def test_without_a_tenant_the_service_role_sees_and_adds_nothing(stack: MemoryStack) -> None:
    row = "INSERT INTO memory.memories VALUES (%s, %s, 'x', '{}', 's', array_fill(1, ARRAY[384])::vector)"
    with stack.admin() as admin:
        admin.execute(row, ("acme", UUID(int=1)))
        admin.execute("SET ROLE memory_app")
        seen = {}
        for tenant in ("", "globex", "acme"):
            admin.execute("SELECT set_config('optimus.tenant', %s, false)", (tenant,))
            seen[tenant] = admin.execute("SELECT tenant FROM memory.memories").fetchall()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute(row, ("initech", UUID(int=2)))
        assert seen == {"": [], "globex": [], "acme": [("acme",)]}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute("SELECT 1 FROM memory.memories_0")


async def test_connections_are_neither_superuser_nor_past_row_security(stack: MemoryStack) -> None:
    database = Database(stack.settings().database)
    await database.open()
    query = "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    async with database.transaction("acme") as connection:
        row = await (await connection.execute(query)).fetchone()
    await database.close()
    assert row == ("memory_app", False, False)


@pytest.mark.parametrize("user", USERS)
async def test_the_services_own_login_is_enough_to_serve_and_too_little_for_more(stack: MemoryStack, user: str) -> None:
    migrate(stack.settings().database, quiet, login=lambda: Login(user, "a-password"))
    url = make_conninfo(stack.url, user=user, password="a-password")
    async with stack.client(DATABASE_URL=url) as client:
        await keep(client, ACME, text=FACTS[0])
        assert len(await search(client, ACME, query=FACTS[0])) == 1
        assert await search(client, GLOBEX, query=FACTS[0]) == []
    with psycopg.connect(url, autocommit=True) as login:
        who = login.execute("SELECT session_user::text, current_user::text").fetchone()
        assert who == (user, "memory_app")
        assert login.execute("SELECT 1 FROM memory.memories").fetchall() == []
        for refused in (
            "SELECT 1 FROM memory.memories_0",
            "TRUNCATE memory.memories",
            "CREATE TABLE memory.mine ()",
            "ALTER TABLE memory.memories DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(refused)
        login.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute("SET ROLE NONE; SELECT 1 FROM memory.memories")


async def test_when_every_connection_is_at_work_requests_are_told_to_come_back(stack: MemoryStack) -> None:
    variables = {"DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "0", "DB_POOL_TIMEOUT": "2"}
    async with stack.client(**variables) as client:
        await keep(client, ACME, text=FACTS[0])
        with stack.admin() as admin, admin.transaction():
            admin.execute("LOCK TABLE memory.memories IN ACCESS EXCLUSIVE MODE")
            held = asyncio.create_task(search(client, ACME, query=FACTS[0]))
            waiting = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            for _ in range(500):
                if admin.execute(f"{waiting} WHERE NOT granted AND datname = current_database()").fetchone() == (1,):
                    break
                await asyncio.sleep(0.02)
            refused = await client.post("/v1/memories/search", json={"query": "x"}, headers=ACME)
            health = await client.get("/health")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_busy")
        assert refused.headers["Retry-After"] == "1"
        assert health.status_code == 200
        assert len(await held) == 1


async def test_a_statement_that_takes_too_long_is_ended(stack: MemoryStack) -> None:
    database = Database(stack.settings(DB_STATEMENT_TIMEOUT="0.1").database)
    await database.open()
    with pytest.raises(DatabaseError) as ended:
        async with database.transaction("acme") as connection:
            await (await connection.execute("SELECT pg_sleep(30)")).fetchone()
    await database.close()
    assert ended.value.code == "database_slow"


async def test_an_empty_database_is_named_by_health(server_url: str, tmp_path: Path) -> None:
    with memory_stack(server_url, tmp_path) as stack:
        async with stack.client(DB_POOL_TIMEOUT="1") as client:
            answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"


async def test_a_database_that_is_read_only_is_named_by_health(stack: MemoryStack) -> None:
    with stack.admin() as admin:
        admin.execute(f"ALTER DATABASE {admin.info.dbname} SET default_transaction_read_only = on")
    async with stack.client() as client:
        health = await client.get("/health")
        found = await client.post("/v1/memories/search", json={"query": "x"}, headers=ACME)
        refused = await client.post("/v1/memories", json={"text": FACTS[0]}, headers=ACME)
    assert (health.status_code, found.status_code, refused.status_code) == (503, 200, 503)
    assert refused.json()["error"]["code"] == "database_read_only"


async def test_after_an_outage_of_the_database_the_service_comes_back_by_itself(tmp_path: Path) -> None:
    with embedded_server() as server, memory_stack(server.get_uri(), tmp_path) as stack:
        migrate(stack.settings().database, quiet)
        async with stack.client(DB_POOL_TIMEOUT="1") as client:
            await keep(client, ACME, text=FACTS[0])
            server.stop()
            refused = await client.post("/v1/memories/search", json={"query": "x"}, headers=ACME)
            health = await client.get("/health")
            server.ensure_postgres_running()
            for _ in range(60):
                if (await client.get("/health")).status_code == 200:
                    break
                await asyncio.sleep(0.25)
            results = await search(client, ACME, query=FACTS[0])
    assert (refused.status_code, health.status_code) == (503, 503)
    assert [result["text"] for result in results] == [FACTS[0]]
