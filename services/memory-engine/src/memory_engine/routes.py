"""The HTTP face: /v1/memories.

Texts are embedded before a database connection is taken: embedding may mean waiting for another service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Header, Request, Response, Security
from fastapi.security import HTTPBearer

from memory_engine.embeddings import Embedder
from memory_engine.error_responses import errors
from memory_engine.models import BatchIn, BatchOut, FoundOut, MemoryIn, MemoryOut, SearchIn, SearchOut
from memory_engine.store import Inserted, Memory, MemoryStore, NewMemory, Query
from memory_engine.vectors import Vector
from optimus_kit.app import note_tenant
from optimus_kit.errors import ApiError
from optimus_kit.shares import Shares
from optimus_kit.tenancy import Tenant, Tenants

# Turns a client's Idempotency-Key into the id of what it made.
IDEMPOTENCY = uuid5(NAMESPACE_URL, "optimus:memory-engine:idempotency-key")

# For the OpenAPI document; who the key belongs to is `caller`'s to find out.
BEARER = HTTPBearer(auto_error=False)

router = APIRouter(
    prefix="/v1/memories", tags=["memories"], dependencies=[Security(BEARER)], responses=errors(401, 503)
)
# Of requests with texts, which are embedded.
EMBEDS = errors(400, 413, 429, 502, 504)


@dataclass(frozen=True)
class Engine:
    """What the routes work with; kept at `app.state.engine`."""

    tenants: Tenants
    embedder: Embedder
    store: MemoryStore
    places: Shares | None = None
    """Places for calls of the embedder; None where it calls nobody."""

    async def embedded(self, tenant: Tenant, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text. A tenant whose texts take all places leaves the others their shares."""
        if self.places is None:
            return await self.embedder.embed(texts)
        async with self.places.place(tenant.name):
            return await self.embedder.embed(texts)

    async def keep(self, tenant: Tenant, memories: Sequence[MemoryIn], ids: Sequence[UUID]) -> list[Inserted]:
        """Embed the texts, then store all or none."""
        vectors = await self.embedded(tenant, [memory.text for memory in memories])
        news = [
            NewMemory(new_id, memory.text, memory.metadata, vector)
            for memory, new_id, vector in zip(memories, ids, vectors, strict=True)
        ]
        return await self.store.insert(tenant.name, news)


async def running_engine(request: Request) -> Engine:
    """The engine of the application that serves this request."""
    engine: Engine = request.app.state.engine
    return engine


RunningEngine = Annotated[Engine, Depends(running_engine)]


async def caller(request: Request, engine: RunningEngine) -> Tenant:
    """The tenant whose key the request carries.

    Raises:
        ApiError: 401, it carries none that is known.
    """
    tenant = engine.tenants.require(request.headers.get("Authorization"))
    note_tenant(request, tenant.name)
    return tenant


Caller = Annotated[Tenant, Depends(caller)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


@router.post("", status_code=201, responses={200: {"model": MemoryOut}, **errors(409), **EMBEDS})
async def create(
    body: MemoryIn, tenant: Caller, engine: RunningEngine, response: Response, key: IdempotencyKey = None
) -> MemoryOut:
    """Keep a memory. 200 instead of 201 where the same one, by id or Idempotency-Key, was there already."""
    (inserted,) = await engine.keep(tenant, [body], [id_of(body, key)])
    if not inserted.created:
        response.status_code = 200
    return shown(inserted.memory)


@router.post("/batch", status_code=201, responses=errors(409) | EMBEDS)
async def create_batch(body: BatchIn, tenant: Caller, engine: RunningEngine) -> BatchOut:
    """Keep several memories, all or none."""
    kept = await engine.keep(tenant, body.memories, [id_of(memory, None) for memory in body.memories])
    return BatchOut(memories=[shown(inserted.memory) for inserted in kept])


@router.post("/search", responses=EMBEDS)
async def search(body: SearchIn, tenant: Caller, engine: RunningEngine) -> SearchOut:
    """Find the memories nearest in meaning."""
    (vector,) = await engine.embedded(tenant, [body.query])
    found = await engine.store.search(tenant.name, Query(vector, body.limit, body.filter, body.min_score))
    return SearchOut(results=[FoundOut(**vars(result.memory), score=result.score) for result in found])


@router.get("/{memory_id}", responses=errors(404))
async def read(memory_id: str, tenant: Caller, engine: RunningEngine) -> MemoryOut:
    """One memory."""
    memory = await engine.store.get(tenant.name, known_id(memory_id))
    if memory is None:
        raise not_found()
    return shown(memory)


@router.delete("/{memory_id}", status_code=204, responses=errors(404))
async def delete(memory_id: str, tenant: Caller, engine: RunningEngine) -> None:
    """Forget a memory."""
    if not await engine.store.delete(tenant.name, known_id(memory_id)):
        raise not_found()


def id_of(memory: MemoryIn, idempotency_key: str | None) -> UUID:
    """The id a new memory gets: its own, else one that follows from the key, else a random one."""
    if memory.id is not None:
        return memory.id
    return uuid5(IDEMPOTENCY, idempotency_key) if idempotency_key else uuid4()


def known_id(text: str) -> UUID:
    """The id in a path.

    Raises:
        ApiError: 404; what can't be an id names no memory.
    """
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None


def not_found() -> ApiError:
    """The same answer for a memory that isn't there and for another tenant's."""
    return ApiError(404, "There is no memory of that id.", code="memory_not_found")


def shown(memory: Memory) -> MemoryOut:
    """A memory for the client."""
    return MemoryOut(**vars(memory))
