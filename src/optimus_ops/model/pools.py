"""Pools of database connections, as the environment of services describes them.

Each worker process of each replica keeps DB_POOL_SIZE connections and opens up to DB_MAX_OVERFLOW more under load, as
SQLAlchemy's QueuePool does: https://docs.sqlalchemy.org/en/20/core/pooling.html
"""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.model.stack import Service, Stack

SIZE = "DB_POOL_SIZE"
OVERFLOW = "DB_MAX_OVERFLOW"
HOST = "DB_HOST"
PROCESSES = "WEB_CONCURRENCY"
DATABASE_LABEL = "com.optimus.database"

# The defaults of memory-engine and SQLAlchemy alike.
DEFAULT_SIZE = 5
DEFAULT_OVERFLOW = 10


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections that one worker process keeps, and those that it opens beyond them under load."""

    size: int
    overflow: int
    processes: int

    @property
    def each(self) -> int:
        """The connections that one replica holds at most."""
        return self.processes * (self.size + self.overflow)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that set the pool."""
        return {SIZE: str(self.size), OVERFLOW: str(self.overflow)}


def pools_of(stack: Stack) -> dict[str, Pool]:
    """Return service -> pool, for the services whose pools lead to the stack's database; the migrations have none."""
    elsewhere = set(stack.services) - {database_of(stack)}
    return {service.name: _pool(service) for service in _pooled(stack) if _host(service) not in elsewhere}


def database_of(stack: Stack) -> str | None:
    """Return the service that the pools lead to; None if there is none, or it runs elsewhere.

    It is the one that DB_HOST names. Where that is no service (an alias in the network), or there are several, it is
    the one with the label `com.optimus.database: "true"`.
    """
    named = sorted({_host(service) for service in _pooled(stack)} & set(stack.services))
    if len(named) == 1 or not _pooled(stack):
        return named[0] if named else None
    labelled = [name for name, service in stack.services.items() if service.labels.get(DATABASE_LABEL) == "true"]
    if len(labelled) == 1:
        return labelled[0]
    if named or labelled:
        raise Refused(
            f"connections are counted at one database, and there are several: {', '.join(labelled or named)}",
            f'mark the one that counts with the label {DATABASE_LABEL}: "true"',
        )
    return None


def _pooled(stack: Stack) -> list[Service]:
    services = stack.services.values()
    return [service for service in services if SIZE in service.environment and service.name != stack.migrations]


def _host(service: Service) -> str:
    return service.environment.get(HOST, "")


def _pool(service: Service) -> Pool:
    return Pool(
        size=_whole(service, SIZE, default=DEFAULT_SIZE, least=0),
        overflow=_whole(service, OVERFLOW, default=DEFAULT_OVERFLOW, least=0),
        processes=_whole(service, PROCESSES, default=1, least=1),
    )


def _whole(service: Service, variable: str, *, default: int, least: int) -> int:
    text = service.environment.get(variable, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise Refused(
            f"{service.name}: {variable} is {text!r}, so nobody can tell how many database connections it takes",
            f"set it to a whole number of at least {least}",
        )
    return int(text)
