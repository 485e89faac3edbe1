"""Puts the service together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from memory_engine import __version__
from memory_engine.database import Database, DatabaseError
from memory_engine.embeddings import Embedder, EmbeddingError, embedder
from memory_engine.error_responses import without_422
from memory_engine.login_switch import LoginSwitch
from memory_engine.logins import SECRET, login_reader
from memory_engine.pool_metrics import show_pool
from memory_engine.routes import Engine, router
from memory_engine.settings import MemorySettings
from memory_engine.statement_spans import trace_statements
from memory_engine.store import ConflictError, MemoryStore
from optimus_kit.app import create_app
from optimus_kit.background import background
from optimus_kit.errors import ApiError
from optimus_kit.metrics import tenant_key_counter
from optimus_kit.presence import announce
from optimus_kit.redis import connect
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.shares import Shares
from optimus_kit.tenancy import Tenants

EMBEDDING_CALLS = 64
PLACE_SECONDS = 2.0
"""For a place among the calls of a remote embedder."""


def build_app() -> FastAPI:
    """The application as the environment wants it; the server calls this in each worker process.

    Raises:
        SettingsError: a setting is missing or makes no sense.
    """
    settings = MemorySettings.from_env(os.environ)
    secrets = SecretWatcher(settings.service.secrets)
    return assemble(settings, secrets, Database(settings.database), embedder(settings.embeddings, secrets))


def assemble(settings: MemorySettings, secrets: SecretWatcher, database: Database, embeddings: Embedder) -> FastAPI:
    """The application made from its parts.

    Raises:
        SettingsError: the tenants can't be read.
    """
    tenants = Tenants.load(settings.service.tenants_file, secrets)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        trace_statements(app.state.telemetry)
        await database.open()
        try:
            async with _present(app, settings, secrets, database), _login_followed(settings, secrets, database):
                yield
        finally:
            await embeddings.close()
            await database.close()

    app = create_app(
        settings.service,
        checks={"database": database.check},
        secrets=secrets,
        lifespan=lifespan,
        title="Optimus memory-engine",
        version=__version__,
    )
    tenants.count_keys(tenant_key_counter(app.state.metrics.registry))
    show_pool(app.state.metrics, database, settings)
    places = None
    if settings.embeddings.provider == "openai":
        places = Shares(EMBEDDING_CALLS, tenants.weights, PLACE_SECONDS)
    app.state.engine = Engine(tenants, embeddings, MemoryStore(database, embeddings.space), places)
    app.include_router(router)
    without_422(app)
    _add_errors(app)
    return app


@asynccontextmanager
async def _present(
    app: FastAPI, settings: MemorySettings, secrets: SecretWatcher, database: Database
) -> AsyncIterator[None]:
    """Tells the others that this replica is there, meanwhile. Redis may be away: nothing else here needs it."""
    # Presence is told again every few seconds: a failed attempt isn't worth repeating.
    once = Retry(NoBackoff(), 0)
    redis = connect(settings.service.redis, secrets, max_connections=2, retry=once)

    def connections() -> dict[str, object]:
        return {"database_connections": database.in_use, "database_budget": settings.database.budget}

    async with redis, background(announce(redis, settings.service, app.state.drain, extra=connections)):
        yield


@asynccontextmanager
async def _login_followed(settings: MemorySettings, secrets: SecretWatcher, database: Database) -> AsyncIterator[None]:
    """Has the pool use the login that the secret names, meanwhile; one of a connection string given whole stays."""
    user = settings.database.login_user
    if user is None:
        yield
        return
    # Until the first look says what the pool uses.
    secrets.uses(SECRET, None)
    switch = LoginSwitch(database, login_reader(secrets.get, user), lambda text: secrets.uses(SECRET, text))
    async with background(switch.keep_looking()):
        yield


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(DatabaseError)
    async def database_error(_request: Request, error: DatabaseError) -> Response:
        return ApiError(
            503, f"{error.message}.".capitalize(), code=error.code, headers={"Retry-After": str(error.retry_after)}
        ).response()

    @app.exception_handler(EmbeddingError)
    async def embedding_error(_request: Request, error: EmbeddingError) -> Response:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return ApiError(
            error.status, f"{error.message}.".capitalize(), type="upstream_error", code=error.code, headers=headers
        ).response()

    @app.exception_handler(ConflictError)
    async def conflict(_request: Request, error: ConflictError) -> Response:
        return ApiError(409, f"{error}.".capitalize(), code="memory_exists").response()
