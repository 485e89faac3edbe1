"""Memories to search, made up and loaded into memory-engine's tables: the same in each run."""

from __future__ import annotations

import math
import random
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from benchmarks.section import show
from memory_engine.embeddings.hashing import SPACE, HashingEmbedder
from memory_engine.settings import DIMENSIONS
from memory_engine.vectors import Vector

Admin = psycopg.Connection[TupleRow]
Make = Callable[[], tuple[str, list[float]]]

SEED = 20_261_122
BIG, SENTENCES, SMALL = 100_000, 20_000, 1_000
QUERIES = 200
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


def make_topics(numbers: random.Random) -> Make:
    """Return what makes vectors in clusters, as texts about a number of subjects have them."""
    centres = [[numbers.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(TOPICS)]

    def make() -> tuple[str, list[float]]:
        topic = numbers.randrange(TOPICS)
        values = [value + numbers.gauss(0, SPREAD) for value in centres[topic]]
        length = math.hypot(*values)
        return f"topic {topic}", [value / length for value in values]

    return make


def make_sentences(numbers: random.Random) -> Make:
    """Return what makes up sentences, with the vectors that the `embedded` provider gives them."""
    words, embedder = VOCABULARY.split(), HashingEmbedder()

    def make() -> tuple[str, list[float]]:
        text = " ".join(numbers.choices(words, k=numbers.randint(5, 12)))
        return text, embedder.vector(text)

    return make


def load_cases(admin: Admin) -> tuple[list[Case], float]:
    """Load every case, then make the index; return the seconds that the index took, too."""
    numbers = random.Random(SEED)  # noqa: S311 - the same data each time is the point
    topics, sentences = make_topics(numbers), make_sentences(numbers)
    definition = admin.execute("SELECT pg_get_indexdef('memory.memories_embedding'::regclass)").fetchone()
    admin.execute("DROP INDEX memory.memories_embedding")
    cases = [
        load(admin, "acme", f"clustered vectors around {TOPICS:,} topics", BIG, topics),
        load(admin, "globex", "sentences with vectors of the embedded provider", SENTENCES, sentences),
        load(admin, neighbour(admin, "acme"), "like acme's and in acme's partition", SMALL, topics),
    ]
    show("building the index")
    admin.execute("SET maintenance_work_mem = '1GB'")
    start = time.perf_counter()
    # The index of a partitioned table is written with ONLY, which would leave its partitions out.
    admin.execute(str(definition[0]).replace(" ON ONLY ", " ON ") if definition else "")
    seconds = time.perf_counter() - start
    admin.execute("VACUUM ANALYZE memory.memories")
    return cases, seconds


def neighbour(admin: Admin, tenant: str) -> str:
    """Return a tenant whose rows lie in the same partition as those of `tenant`."""
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


def load(admin: Admin, tenant: str, what: str, size: int, make: Make) -> Case:
    """Copy `size` memories in, in PostgreSQL's binary format, and make up the queries."""
    show(f"loading {size:,} memories of {tenant}")
    columns = "tenant, id, text, metadata, space, embedding"
    with admin.cursor().copy(f"COPY memory.memories ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for _ in range(size):
            text, values = make()
            words = (
                tenant.encode(),
                uuid.uuid4().bytes,
                text.encode(),
                b"\1{}",
                SPACE.encode(),
                Vector.of(values).wire,
            )
            copy.write(struct.pack(">h", len(words)) + b"".join(struct.pack(">i", len(word)) + word for word in words))
        copy.write(struct.pack(">h", -1))
    queries = tuple((text, Vector.of(values)) for text, values in (make() for _ in range(QUERIES)))
    return Case(tenant, what, size, queries)
