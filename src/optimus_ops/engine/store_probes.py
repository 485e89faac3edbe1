"""Databases and Redis servers, asked from inside their own containers.

A password never leaves the container: the shell there reads it from the secret's file into the client's environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from optimus_ops.system.output_masking import masked

POSTGRES_IMAGE = re.compile(r"(^|/)(postgres|postgresql|pgvector|timescaledb)([:/@]|$)")
REDIS_IMAGE = re.compile(r"(^|/)(redis|valkey|redis-stack-server)([:/@]|$)")

StoreKind = Literal["postgres", "redis"]

# `reserved_connections` exists since PostgreSQL 16. Addresses of clients are seen by superusers only, as this is.
POSTGRES_QUERY = (
    "SELECT json_build_object("
    "'most', current_setting('max_connections')::int,"
    " 'reserved', current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true), '0')::int,"
    " 'clients', coalesce((SELECT json_object_agg(address, connections) FROM ("
    "SELECT coalesce(host(client_addr), '') AS address, count(*) AS connections FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1) AS by_address), '{}'))"
)
POSTGRES_SCRIPT = f"""\
[ -r "$POSTGRES_PASSWORD_FILE" ] && PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") && export PGPASSWORD
user=${{POSTGRES_USER:-postgres}}
PGCONNECT_TIMEOUT=2 exec psql -X -w -U "$user" -d "${{POSTGRES_DB:-$user}}" -Atc "{POSTGRES_QUERY}"
"""
CONNECTIONS_COMMAND = ("sh", "-c", POSTGRES_SCRIPT)
"""Run inside the server's container, it prints what `parse_connections` reads."""
REDIS_SCRIPT = """\
file=${REDIS_PASSWORD_FILE:-/run/secrets/REDIS_PASSWORD}
[ -s "$file" ] && REDISCLI_AUTH=$(cat "$file") && export REDISCLI_AUTH
exec redis-cli -p "${REDIS_PORT:-6379}" ${REDIS_USERNAME:+--user "$REDIS_USERNAME"} --no-auth-warning INFO
"""


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections of a PostgreSQL server.

    `reserved` are for superusers and roles with `pg_use_reserved_connections`; `clients` is address -> connections that
    it holds, without the one that asked ("" stands for the local socket).
    """

    most: int
    reserved: int
    clients: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL server: connections of clients but the probe, and those that ordinary users can have."""

    used: int
    usable: int


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis server, as it reports itself (`INFO`): memory in bytes, clients without the probe.

    `policy` is what is evicted at `max_memory`; `link_up` is None for a master.
    """

    role: str
    memory: int
    max_memory: int | None
    policy: str
    clients: int
    replicas: int
    link_up: bool | None


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A Redis sentinel, by the first master that it monitors: its address, and ok, sdown or odown."""

    master: str
    status: str
    replicas: int
    sentinels: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A store that did not answer, and why in a few words."""

    reason: str


Store = Database | RedisServer | Sentinel | Unreachable


def store_kind(image: str) -> StoreKind | None:
    """Return the kind of store that an image is, by its name; None for any other image."""
    if POSTGRES_IMAGE.search(image):
        return "postgres"
    return "redis" if REDIS_IMAGE.search(image) else None


def probe_command(kind: StoreKind) -> tuple[str, ...]:
    """Return the command that is run inside the store's container."""
    return CONNECTIONS_COMMAND if kind == "postgres" else ("sh", "-c", REDIS_SCRIPT)


def parse_store(kind: StoreKind, code: int, stdout: str, stderr: str) -> Store:
    """Parse the command's output."""
    if code != 0:
        return Unreachable(_reason(stderr or stdout) or f"its client ended with {code}")
    try:
        return parse_database(stdout) if kind == "postgres" else parse_redis(stdout)
    except ValueError:
        return Unreachable(_reason(stdout) or "it answered nothing")


def parse_connections(text: str) -> Connections:
    """Parse the output of `CONNECTIONS_COMMAND`; raise ValueError where it is something else."""
    document = json.loads(text)
    try:
        clients = {str(address): int(count) for address, count in document["clients"].items()}
        return Connections(int(document["most"]), int(document["reserved"]), clients)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not the connections of a server") from error


def parse_database(text: str) -> Database:
    """Parse the connections of a server; raise ValueError where the text is something else."""
    found = parse_connections(text)
    return Database(used=sum(found.clients.values()), usable=found.most - found.reserved)


def parse_redis(text: str) -> RedisServer | Sentinel:
    """Parse the answer of `INFO` (https://redis.io/docs/latest/commands/info/), of a server or of a sentinel.

    Raises ValueError where the text is something else.
    """
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    facts = {name: value.strip() for name, value in pairs}
    if "master0" in facts:
        monitored = dict(field.partition("=")[::2] for field in facts["master0"].split(","))
        counts = (int(monitored.get(name, "0")) for name in ("slaves", "sentinels"))
        return Sentinel(monitored.get("address", ""), monitored.get("status", ""), *counts)
    if "role" not in facts or "used_memory" not in facts:
        raise ValueError("not an answer of INFO")
    link = facts.get("master_link_status")
    return RedisServer(
        role=facts["role"],
        memory=int(facts["used_memory"]),
        max_memory=int(facts.get("maxmemory", "0")) or None,
        policy=facts.get("maxmemory_policy", ""),
        clients=max(int(facts.get("connected_clients", "1")) - 1, 0),
        replicas=int(facts.get("connected_slaves", "0")),
        link_up=None if link is None else link == "up",
    )


def _reason(text: str) -> str:
    lines = text.strip().splitlines()
    return masked(lines[-1].strip())[:80] if lines else ""
