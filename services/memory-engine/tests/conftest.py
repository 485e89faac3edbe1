from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from memory_engine.app import assemble
from memory_engine.database import Database
from memory_engine.embeddings import Embedder, HashingEmbedder
from memory_engine.settings import MemorySettings
from optimus_kit.secret_watcher import SecretWatcher

KEYS = {"acme": "acme-key-0123456789abcdef", "globex": "globex-key-0123456789abcdef"}
LIMITS = "{display_name: Tenant, requests_per_minute: 6000, burst: 100, concurrent_requests: 10}"

ClientFor = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for tenant, key in KEYS.items():
        (secrets / f"TENANT_{tenant.upper()}_API_KEY").write_text(key)
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text("tenants:\n" + "".join(f"  {tenant}: {LIMITS}\n" for tenant in KEYS))
    return {
        "SECRETS_DIR": str(secrets),
        "TENANTS_FILE": str(tenants),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DB_WAIT": "0",
    }


@pytest.fixture
def client_for(environ: dict[str, str]) -> ClientFor:
    @asynccontextmanager
    async def client_for(
        url: str, *, embedder: Embedder | None = None, **variables: str
    ) -> AsyncIterator[httpx.AsyncClient]:
        settings = MemorySettings.from_env(environ | {"DATABASE_URL": url} | variables)
        secrets = SecretWatcher(settings.service.secrets)
        app: FastAPI = assemble(settings, secrets, Database(settings.database), embedder or HashingEmbedder())
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://memory") as client:
                yield client

    return client_for


@pytest.fixture
def acme() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS['acme']}"}


@pytest.fixture
def globex() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS['globex']}"}
