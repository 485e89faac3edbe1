"""Make the table of memories, apart by tenant.

Revision: 0001
Revises: nothing

Row-level security keeps tenants apart: a statement sees only the rows of the tenant named by the setting
`optimus.tenant`, and none where it isn't set. It is forced, so that it binds the owner of the table too.

An HNSW index knows nothing of tenants: it finds the nearest vectors of all, and those of other tenants are thrown away
afterwards, so that a small tenant beside a big one would find little or nothing. Therefore:

1. the table is partitioned by a hash of the tenant: a search reads the index of one partition, whose graph is smaller;
2. tenants that share a partition are served by pgvector's iterative scan, which goes on until it has enough rows;
3. where even that ends early (`hnsw.max_scan_tuples`), `memory_engine.store` looks at each row of the tenant.

Hash partitions need no DDL when a tenant joins, as list partitions would.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONS = 16

SCHEMA = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE SCHEMA memory",
    """
    CREATE TABLE memory.memories (
        tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
        id uuid NOT NULL,
        text text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 8000),
        metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
        space text COLLATE "C" NOT NULL,
        embedding vector(384) NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, id)
    ) PARTITION BY HASH (tenant)
    """,
    "COMMENT ON COLUMN memory.memories.space IS 'vector space of the embedding; only like is compared with like'",
    # A vector in the row itself is read without a look-up elsewhere; long texts move out of the row instead.
    "ALTER TABLE memory.memories ALTER COLUMN embedding SET STORAGE PLAIN",
    "ALTER TABLE memory.memories ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE memory.memories FORCE ROW LEVEL SECURITY",
    """
    CREATE POLICY tenant_only ON memory.memories TO memory_app
        USING (tenant = current_setting('optimus.tenant', true))
        WITH CHECK (tenant = current_setting('optimus.tenant', true))
    """,
)

# A partition has row security of its own, without a policy: nobody bound by it reads there past the parent's policy.
PARTITION = (
    """
    CREATE TABLE memory.memories_{number} PARTITION OF memory.memories
        FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})
    """,
    "ALTER TABLE memory.memories_{number} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE memory.memories_{number} FORCE ROW LEVEL SECURITY",
)

INDEX_AND_GRANTS = (
    """
    CREATE INDEX memories_embedding ON memory.memories
        USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 100)
    """,
    "GRANT USAGE ON SCHEMA memory TO memory_app",
    "GRANT SELECT, INSERT, DELETE ON memory.memories TO memory_app",
)


def upgrade() -> None:
    """Make the schema. The extension stays where it already is."""
    for statement in SCHEMA:
        op.execute(statement)
    for number in range(PARTITIONS):
        for statement in PARTITION:
            op.execute(statement.format(number=number, partitions=PARTITIONS))
    for statement in INDEX_AND_GRANTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove the schema and every memory in it. The extension stays: others may use it."""
    op.execute("DROP SCHEMA memory CASCADE")
