"""The statements on the table of memories. Every one runs inside `Database.transaction`, bound to one tenant.

Searching: the HNSW index of the tenant's partition gives candidates, going on until enough rows pass the conditions
(pgvector's iterative scan). It may give up before it has enough, where others' vectors crowd the query or the filter is
narrow; then each row of the tenant is compared, which is exact, and bounded by the statement timeout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from memory_engine.database import Connection, Database
from memory_engine.vectors import Vector

INSERT = """
INSERT INTO memory.memories (tenant, id, text, metadata, space, embedding)
VALUES (%s, %s, %s, %s, %s, %b::vector)
ON CONFLICT (tenant, id) DO NOTHING
RETURNING created_at
"""

SELECT = "SELECT id, text, metadata, created_at FROM memory.memories WHERE tenant = %s AND id = %s"

DELETE = "DELETE FROM memory.memories WHERE tenant = %s AND id = %s RETURNING id"

# `+ 0` makes an expression that no index is on.
NEAREST = """
WITH nearest AS MATERIALIZED (
    SELECT id, text, metadata, created_at, embedding <=> %(vector)b::vector AS distance
    FROM memory.memories
    WHERE tenant = %(tenant)s AND space = %(space)s {condition}
    ORDER BY (embedding <=> %(vector)b::vector) {exactly}
    LIMIT %(limit)s
)
SELECT id, text, metadata, created_at, distance FROM nearest ORDER BY distance, id
"""

FILTER = "AND metadata @> %(filter)s"


@dataclass(frozen=True)
class NewMemory:
    """A memory to be kept."""

    id: UUID
    text: str
    metadata: Mapping[str, Any]
    vector: Vector


@dataclass(frozen=True)
class Memory:
    """A memory as it is kept."""

    id: UUID
    text: str
    metadata: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Inserted:
    """What became of a new memory: `created` is False where the very same one was there already."""

    memory: Memory
    created: bool


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        vector: embedding of the question.
        limit: most results wanted.
        filter: metadata that a result must have, key by key.
        min_score: least cosine similarity of a result.
    """

    vector: Vector
    limit: int = 5
    filter: Mapping[str, Any] = field(default_factory=dict)
    min_score: float = -1.0


@dataclass(frozen=True)
class Found:
    """A result and its cosine similarity to the query, from -1 to 1."""

    memory: Memory
    score: float


class ConflictError(Exception):
    """The id is taken by another memory of this tenant."""

    def __init__(self, memory_id: UUID) -> None:
        super().__init__(f"memory {memory_id} exists with another text or metadata")
        self.memory_id = memory_id


class MemoryStore:
    """The memories of all tenants, one tenant at a time.

    Args:
        database: the pool.
        space: vector space of the embeddings in use; memories of other spaces are kept but not found.
    """

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space

    async def insert(self, tenant: str, memories: Sequence[NewMemory]) -> list[Inserted]:
        """Keep all of them or none. Doing it again with the same ids and contents changes nothing.

        Raises:
            ConflictError: an id is taken by a memory with other contents.
            DatabaseError: see `Database.transaction`.
        """
        results: dict[UUID, Inserted] = {}
        async with self._database.transaction(tenant) as connection:
            # In the order of their ids: two requests with the same ones wait in turn, never each for the other.
            for memory in sorted(memories, key=lambda memory: memory.id):
                results[memory.id] = await self._insert(connection, tenant, memory)
        return [results[memory.id] for memory in memories]

    async def _insert(self, connection: Connection, tenant: str, memory: NewMemory) -> Inserted:
        values = (tenant, memory.id, memory.text, Jsonb(memory.metadata), self._space, memory.vector)
        row = await (await connection.execute(INSERT, values)).fetchone()
        if row:
            return Inserted(Memory(memory.id, memory.text, memory.metadata, row[0]), created=True)
        there = await _get(connection, tenant, memory.id)
        if there is None or there.text != memory.text or there.metadata != memory.metadata:
            raise ConflictError(memory.id)
        return Inserted(there, created=False)

    async def get(self, tenant: str, memory_id: UUID) -> Memory | None:
        """The tenant's memory of that id, or None."""
        async with self._database.transaction(tenant) as connection:
            return await _get(connection, tenant, memory_id)

    async def delete(self, tenant: str, memory_id: UUID) -> bool:
        """Forget a memory; False where the tenant has none of that id."""
        async with self._database.transaction(tenant) as connection:
            return await (await connection.execute(DELETE, (tenant, memory_id))).fetchone() is not None

    async def search(self, tenant: str, query: Query) -> list[Found]:
        """The tenant's memories nearest to the query, nearest first."""
        values = {
            "vector": query.vector,
            "tenant": tenant,
            "space": self._space,
            "limit": query.limit,
            "filter": Jsonb(query.filter),
        }
        async with self._database.transaction(tenant) as connection:
            rows = await (await connection.execute(nearest(query, exactly=False), values)).fetchall()
            if len(rows) < query.limit:
                rows = await (await connection.execute(nearest(query, exactly=True), values)).fetchall()
        # Rounding may take a cosine a little past 1.
        found = [Found(Memory(*row[:4]), score=max(-1.0, min(1.0, 1.0 - row[4]))) for row in rows]
        return [result for result in found if result.score >= query.min_score]


def nearest(query: Query, *, exactly: bool) -> sql.Composed:
    """The statement for a search, through the index or (exactly) past it."""
    condition, past_it = sql.SQL(FILTER if query.filter else ""), sql.SQL("+ 0" if exactly else "")
    return sql.SQL(NEAREST).format(condition=condition, exactly=past_it)


async def _get(connection: Connection, tenant: str, memory_id: UUID) -> Memory | None:
    row = await (await connection.execute(SELECT, (tenant, memory_id))).fetchone()
    return Memory(*row) if row else None
