"""The one connection that changes the schema: it holds the advisory lock, and does the work.

Because the lock and the work are on the same connection, whoever gets the lock knows that nothing of another run is
left. And the server itself ends what a run leaves behind, however that run ended: see `GUARDS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from memory_engine.settings import DatabaseSettings

LOCK_KEY = 0x6F7074696D757331
"""Key of the advisory lock ("optimus1"), the same for every run on one database."""

GUARDS = {
    # A step that waits for a table makes everyone else wait behind it; it gives up, and `migrate` tries again.
    "lock_timeout": "3s",
    # Shorter than any deploy waits, so that the error names the statement. A step that may take longer says so itself:
    # SET LOCAL statement_timeout = '30min'.
    "statement_timeout": "5min",
    # A run that hangs (or is frozen) between two statements holds its locks no longer than this.
    "idle_in_transaction_session_timeout": "60s",
    # A killed run: the server looks, also while a statement is under way, whether anyone is still there …
    "client_connection_check_interval": "2s",
    # … and a host that vanished without closing the connection is noticed after about 10 s.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""Settings of the session. All of PostgreSQL 14 and newer."""

POLL = 1.0
"""Seconds between two looks at what is waited for; each is reported."""

Say = Callable[[str], None]


class MigrationError(Exception):
    """The schema couldn't be brought to the revision; one clear line."""


@contextmanager
def alone(settings: DatabaseSettings, say: Say) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection that holds the advisory lock, once the database answers and no other run holds it.

    Args:
        settings: the database, with the owner's login.
        say: takes a line each time that something is waited for.

    Raises:
        MigrationError: the database didn't answer or the lock wasn't free within `settings.wait` seconds, the login was
            refused, or a statement failed.
    """
    deadline = time.monotonic() + settings.wait
    try:
        with _connected(guarded(settings.owner_conninfo), deadline, say) as connection:
            while not _locked(connection):
                if time.monotonic() > deadline:
                    raise MigrationError(f"another migration still holds the lock after {settings.wait:g} s")
                say("waiting for another migration to finish")
                time.sleep(POLL)
            yield connection
    except psycopg.Error as error:
        raise MigrationError(f"migration failed: {one_line(error)}") from error


def guarded(conninfo: str) -> str:
    """The connection string with `GUARDS` behind the options that it has already."""
    given = str(conninfo_to_dict(conninfo).get("options") or "")
    options = " ".join([given, *(f"-c {name}={value}" for name, value in GUARDS.items())]).strip()
    return psycopg.conninfo.make_conninfo(conninfo, options=options)


def one_line(error: BaseException) -> str:
    """The first line of an error's text, which for PostgreSQL is the cause."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _locked(connection: psycopg.Connection[TupleRow]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    return bool(row and row[0])


def _connected(conninfo: str, deadline: float, say: Say) -> psycopg.Connection[TupleRow]:
    """A connection, as soon as the database takes one.

    Raises:
        MigrationError: it took none until the deadline, or refused the login.
    """
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            if error.pgconn and (error.pgconn.used_password or error.pgconn.needs_password):
                raise MigrationError(f"the database refused the login: {one_line(error)}") from None
            if time.monotonic() > deadline:
                raise MigrationError(f"the database doesn't answer: {one_line(error)}") from None
            say(f"waiting for the database: {one_line(error)}")
            time.sleep(POLL)
