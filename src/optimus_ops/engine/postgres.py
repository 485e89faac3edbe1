"""Connections of a PostgreSQL server, asked from inside its own container.

A password never leaves the container: the shell there reads it from the secret's file into the client's environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

# `reserved_connections` exists since PostgreSQL 16. Addresses of clients are seen by superusers only, as this is.
QUERY = (
    "SELECT json_build_object("
    "'most', current_setting('max_connections')::int,"
    " 'reserved', current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true), '0')::int,"
    " 'clients', coalesce((SELECT json_object_agg(address, connections) FROM ("
    "SELECT coalesce(host(client_addr), '') AS address, count(*) AS connections FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1) AS by_address), '{}'))"
)
SCRIPT = f"""\
[ -r "$POSTGRES_PASSWORD_FILE" ] && PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") && export PGPASSWORD
user=${{POSTGRES_USER:-postgres}}
PGCONNECT_TIMEOUT=2 exec psql -X -w -U "$user" -d "${{POSTGRES_DB:-$user}}" -Atc "{QUERY}"
"""
CONNECTIONS_COMMAND = ("sh", "-c", SCRIPT)
"""Run inside the server's container, it prints what `parse_connections` reads."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections of a PostgreSQL server.

    `reserved` are for superusers and roles with `pg_use_reserved_connections`; `clients` is address -> connections that
    it holds, without the one that asked ("" stands for the local socket).
    """

    most: int
    reserved: int
    clients: Mapping[str, int]


def parse_connections(text: str) -> Connections:
    """Parse the output of `CONNECTIONS_COMMAND`; raise ValueError where it is something else."""
    document = json.loads(text)
    try:
        clients = {str(address): int(count) for address, count in document["clients"].items()}
        return Connections(int(document["most"]), int(document["reserved"]), clients)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not the connections of a server") from error
