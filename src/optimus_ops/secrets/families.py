"""Families of secrets: a key with `*` stands for one key per tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.schema import Schema


def expand(schema: Schema, tenants: Iterable[str]) -> Mapping[str, Entry]:
    """Return every single key's entry: families get a member per tenant."""
    names = tuple(tenants)
    entries: dict[str, Entry] = {entry.key: entry for entry in schema.entries if "*" not in entry.key}
    explicit = frozenset(entries)
    for family in (entry for entry in schema.entries if "*" in entry.key):
        owners: dict[str, str] = {}
        for tenant in names:
            key = family.key.replace("*", tenant_part(tenant))
            if key in owners:
                raise Refused(f"tenants {owners[key]} and {tenant} would share {key}", "rename one of them")
            owners[key] = tenant
            if key not in explicit:
                entries[key] = member(family, key, tenant)
    return entries


def member(family: Entry, key: str, tenant: str) -> Entry:
    """Return a family's entry for one tenant."""
    return replace(family, key=key, description=tuple(line.replace("*", tenant) for line in family.description))


def tenant_part(tenant: str) -> str:
    """Return how a tenant's name stands in a key: `acme-labs` gives `ACME_LABS`."""
    return tenant.upper().replace("-", "_")
