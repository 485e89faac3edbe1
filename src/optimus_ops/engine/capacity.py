"""Memory and cores of the host, and connections of the running database: what budgets are checked against."""

from __future__ import annotations

from ipaddress import ip_address

from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import CONNECTIONS_COMMAND, Connections, parse_connections
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.budget_items import Capacity
from optimus_ops.model.pools import database_of
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State

# psql itself gives up connecting after 2 s; the rest is for a loaded host.
PROBE_SECONDS = 10.0

# Exit codes of a shell, and of `docker exec`, for a missing program.
NO_PROGRAM = {126, 127}

# That of psql where the server takes no connection: without a health check, the only sign that it still starts.
NO_SESSION = 2


def observe_capacity(engine: Engine, stack: Stack, state: State) -> Capacity:
    """Return what the engine's host has, and ask the database for its connections.

    `max_connections` is None while the database is not ready, where the stack has none, and where it is no PostgreSQL;
    one that is ready and gives no number is an error.
    """
    name = database_of(stack)
    database = next((replica for replica in state.of(name) if replica.ready), None) if name else None
    found = _connections(engine, database) if database else None
    if found is None:
        return Capacity(None, 0, engine.memory, engine.cpus)
    return Capacity(found.most, found.reserved, engine.memory, engine.cpus, other_connections(found, state))


def _connections(engine: Engine, database: Replica) -> Connections | None:
    try:
        answer = engine.exec(database.id, CONNECTIONS_COMMAND, seconds=PROBE_SECONDS)
    except MissingPrerequisite:
        raise
    except OpsError as error:
        raise _no_number(database, f"no answer within {PROBE_SECONDS:.0f} s") from error
    if answer.code in NO_PROGRAM or (answer.code == NO_SESSION and database.health is None):
        return None
    if answer.code != 0:
        raise _no_number(database, answer.stderr.strip())
    try:
        return parse_connections(answer.stdout)
    except ValueError as error:
        raise _no_number(database, answer.stdout.strip()) from error


def _no_number(database: Replica, output: str) -> OpsError:
    return OpsError(
        f"{database.service} does not say how many connections it takes: {output or 'it answered nothing'}",
        f"look at it with: invoke logs --service {database.service}",
    )


def other_connections(found: Connections, state: State) -> int:
    """Return how many connections are held by clients that are no replicas.

    Not counted are those from inside the database's container (health checks, people: they have a reserve), and those
    over IPv6, where a replica's own address is not observed.
    """
    own = {address for replica in state.replicas for address in replica.addresses.values()}
    return sum(count for address, count in found.clients.items() if address not in own and _outside(address))


def _outside(address: str) -> bool:
    parsed = ip_address(address) if address else None
    return parsed is not None and parsed.version == 4 and not parsed.is_loopback
