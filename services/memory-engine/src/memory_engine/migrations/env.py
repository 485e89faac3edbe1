"""Alembic's entry: runs the steps on the connection it is handed, each in a transaction of its own, or writes them."""

from __future__ import annotations

from typing import Any

from alembic import context

if context.is_offline_mode():
    where: dict[str, Any] = {
        "dialect_name": "postgresql",
        "dialect_opts": {"paramstyle": "named"},
        "literal_binds": True,
    }
else:
    where = {
        "connection": context.config.attributes["connection"],
        "on_version_apply": context.config.attributes["on_version_apply"],
    }
context.configure(
    **where,
    version_table=context.config.attributes["version_table"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
