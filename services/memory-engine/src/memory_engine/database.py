"""The pool of database connections: bounded, bound to one tenant per transaction, back by itself after an outage."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from memory_engine.roles import APP_ROLE
from memory_engine.settings import DatabaseSettings
from memory_engine.vectors import register
from optimus_kit.tracing import suppress_instrumentation

Connection = AsyncConnection[TupleRow]

RECONNECT_SECONDS = 5.0
"""After this long the pool stops trying by itself, and the next request or health check makes it try again: the pauses
between its attempts double each time, and would get long."""

HEALTH_SECONDS = 1.0
ANSWERED_LATELY_SECONDS = 15.0

TAKES_WRITES = """
SELECT CASE WHEN current_setting('transaction_read_only') = 'off' THEN pg_current_xact_id() END IS NOT NULL
   AND has_table_privilege('memory.memories'::regclass, 'INSERT')
"""
SET_TENANT = "SELECT set_config('optimus.tenant', %s, true)"


class DatabaseError(Exception):
    """The database couldn't do it.

    Attributes:
        code: short machine-readable cause.
        retry_after: seconds after which it is worth trying again.
    """

    def __init__(self, message: str, code: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True)
class PoolFigures:
    """A pool as it is now, and what it has counted since it was opened.

    Args:
        used: connections lent out.
        idle: connections open and not lent out.
        pending: requests that wait for one.
        timeouts: requests that waited in vain.
        waited: requests that had to wait.
        wait_seconds: how long these waited.
        lost: connections found broken.
    """

    used: int
    idle: int
    pending: int
    timeouts: int
    waited: int
    wait_seconds: float
    lost: int


class Database:
    """Connections to PostgreSQL for one worker process, at most `settings.budget` of them.

    Whatever login the connection string names, each connection becomes `memory_app` before it is used, so that
    row-level security binds it.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._in_use = 0
        self._answered_at = float("-inf")
        self.conninfo = settings.conninfo
        """How connections are made from now on; password included."""
        self._pool = AsyncConnectionPool[Connection](
            lambda: self.conninfo,
            min_size=settings.pool_size,
            max_size=settings.budget,
            timeout=settings.pool_timeout,
            reconnect_timeout=RECONNECT_SECONDS,
            configure=self._configure,
            check=_check_alive,
            name="memory-engine",
            open=False,
        )

    @property
    def in_use(self) -> int:
        """Connections lent out at this moment."""
        return self._in_use

    def pool_figures(self) -> PoolFigures:
        """The pool in numbers."""
        found = self._pool.get_stats()
        return PoolFigures(
            used=self._in_use,
            idle=found.get("pool_available", 0),
            pending=found.get("requests_waiting", 0),
            timeouts=found.get("requests_errors", 0),
            waited=found.get("requests_queued", 0),
            wait_seconds=found.get("requests_wait_ms", 0) / 1000,
            lost=found.get("connections_lost", 0),
        )

    async def open(self) -> None:
        """Begin to connect; doesn't wait for the database."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def drain(self) -> None:
        """Close the connections that there are, those lent out as they are given back, and open others instead."""
        await self._pool.drain()

    async def check(self) -> None:
        """Ask the database whether it has our table and takes what is written to it.

        A transaction id is asked for, which only a server that writes can give, and which costs no disk access.

        A pool whose connections are all at work answers for itself if one of them did so lately: a busy replica isn't
        a broken one.

        Raises:
            DatabaseError: it doesn't answer, isn't migrated, or is read only.
        """
        try:
            async with self._connection(HEALTH_SECONDS) as connection:
                answer = await connection.execute(TAKES_WRITES)
                if await answer.fetchone() != (True,):
                    raise DatabaseError("the database is read only", "database_read_only", retry_after=5)
        except DatabaseError as error:
            if error.code == "database_busy" and time.monotonic() - self._answered_at < ANSWERED_LATELY_SECONDS:
                return
            raise

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[Connection]:
        """A connection in a transaction that sees this tenant's rows and no others.

        It is committed at the end and undone upon an error. Don't await anything else than the database inside.

        Raises:
            DatabaseError: no connection was free in time, or the database is away, too slow or not migrated.
        """
        # In pipeline mode the statements of one request travel together.
        async with self._connection(self._settings.pool_timeout) as connection, connection.pipeline():
            await connection.execute(SET_TENANT, (tenant,))
            yield connection

    @asynccontextmanager
    async def _connection(self, seconds: float) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection(timeout=seconds) as connection:
                self._in_use += 1
                try:
                    yield connection
                finally:
                    self._in_use -= 1
            self._answered_at = time.monotonic()
        except PoolTimeout:
            raise self._no_connection() from None
        except PoolClosed:
            raise DatabaseError("the service is stopping", "stopping") from None
        except psycopg.Error as error:
            explanation = explained(error)
            if explanation is None:
                raise
            raise explanation from error

    def _no_connection(self) -> DatabaseError:
        if self._in_use >= self._settings.budget:
            return DatabaseError("all database connections are in use", "database_busy")
        return DatabaseError("the database doesn't answer", "database_unavailable", retry_after=2)

    async def _configure(self, connection: Connection) -> None:
        register(connection)
        await connection.set_autocommit(True)
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
        for name, value in session_settings(self._settings).items():
            await connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        await connection.set_autocommit(False)
        if self.conninfo != self._settings.conninfo and not made_by(connection, self.conninfo):
            await connection.close()
            raise psycopg.OperationalError("the login changed while this connection was made")


def made_by(connection: Connection, conninfo: str) -> bool:
    """Whether a connection has the user and password of a connection string that names both."""
    wanted = conninfo_to_dict(conninfo)
    return (connection.info.user, connection.info.password) == (wanted["user"], wanted["password"])


def session_settings(settings: DatabaseSettings) -> dict[str, str]:
    """PostgreSQL settings of every connection."""
    milliseconds = str(round(settings.statement_timeout * 1000))
    return {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "TimeZone": "UTC",
        # The planner must see the tenant to choose the partition, and to know whether it is a big or a small one.
        "plan_cache_mode": "force_custom_plan",
        # An HNSW scan is priced as if all of it were read: that would start the JIT compiler for a short query.
        "jit": "off",
        "hnsw.ef_search": str(settings.ef_search),
        # `relaxed_order` keeps rows that turn up late, which `strict_order` drops; the statement sorts what comes.
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": "20000",
    }


def explained(error: psycopg.Error) -> DatabaseError | None:
    """What a failure means for the caller; None where it is a fault of ours."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return DatabaseError("the database took too long", "database_slow")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return DatabaseError("the database isn't migrated yet", "database_not_migrated", retry_after=5)
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return DatabaseError("the database is read only", "database_read_only", retry_after=5)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseError("the database doesn't answer", "database_unavailable", retry_after=2)
    return None


async def _check_alive(connection: Connection) -> None:
    """As the pool's own check, which says nothing about a request: it has no span.

    Raises:
        psycopg.Error: the connection is broken.
    """
    with suppress_instrumentation():
        await AsyncConnectionPool.check_connection(connection)
