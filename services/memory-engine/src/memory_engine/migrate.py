"""Brings the database to a revision of the schema: once, however many replicas ask for it at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from alembic.util import CommandError
from psycopg.rows import TupleRow
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from memory_engine.roles import ensure_app_role, ensure_login_role
from memory_engine.settings import DatabaseSettings

VERSION_TABLE = "memory_schema_version"
"""Lies in `public`, so that the schema `memory` itself can come and go."""

LOCK_KEY = 0x6F7074696D757331
"""Key of the advisory lock ("optimus1"), the same for every run on one database."""

LOCK_TIMEOUT = "10s"
"""How long a step waits for a table that others use, before it gives up instead of queueing everyone behind itself."""

POLL = 1.0
"""Seconds between two looks at what is waited for; each is reported."""

Say = Callable[[str], None]


class MigrationError(Exception):
    """The schema couldn't be brought to the revision; one clear line."""


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        before: revision found, None for an empty database.
        after: revision left.
        applied: one line for each step, in order.
    """

    before: str | None
    after: str | None
    applied: tuple[str, ...]


def migrate(settings: DatabaseSettings, say: Say, *, to: str = "head", login_password: str | None = None) -> Outcome:
    """Step up to a revision, then see to the service's login.

    Args:
        settings: the database, with the owner's login.
        say: takes progress lines.
        to: a revision or "head".
        login_password: password of the login role; None leaves that role alone.

    Raises:
        MigrationError: the database wasn't there in time, the revision is unknown, or a step failed (and was undone).
    """
    with _alone(settings, say) as guard:
        ensure_app_role(guard)
        outcome = _step(settings, command.upgrade, to, say)
        if login_password:
            ensure_login_role(guard, login_password)
        return outcome


def downgrade(settings: DatabaseSettings, say: Say, *, to: str) -> Outcome:
    """Step back to a revision, or to "base" for an empty database. What the steps made is lost.

    Raises:
        MigrationError: as for `migrate`.
    """
    with _alone(settings, say):
        return _step(settings, command.downgrade, to, say)


def current(settings: DatabaseSettings, say: Say) -> str | None:
    """The revision the database is at, None for an empty one.

    Raises:
        MigrationError: the database wasn't there in time.
    """
    with _alone(settings, say), _alembic(settings) as connection:
        return _revision(connection)


class _Command(Protocol):
    def __call__(self, config: Config, revision: str) -> None: ...


@dataclass
class _Steps:
    """Hears of each step from Alembic as it is applied."""

    say: Say
    applied: list[str] = field(default_factory=list)

    def __call__(self, *, step: MigrationInfo, **_: object) -> None:
        revision = step.up_revision
        name = f"{revision.revision} {revision.doc.splitlines()[0]}" if isinstance(revision, Script) else "?"
        line = f"{'applied' if step.is_upgrade else 'reverted'} {name}"
        self.applied.append(line)
        self.say(line)


def _step(settings: DatabaseSettings, move: _Command, to: str, say: Say) -> Outcome:
    steps = _Steps(say)
    with _alembic(settings) as connection:
        before = _revision(connection)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
        config.attributes.update(connection=connection, version_table=VERSION_TABLE, on_version_apply=steps)
        try:
            move(config, to)
        except CommandError as error:
            raise MigrationError(f"cannot migrate to {to!r}: {one_line(error)}") from error
        connection.commit()
        return Outcome(before, _revision(connection), tuple(steps.applied))


@contextmanager
def _alembic(settings: DatabaseSettings) -> Iterator[Connection]:
    """A connection for Alembic, whose statements don't wait long for locks."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(settings.owner_conninfo, options=f"-c lock_timeout={LOCK_TIMEOUT}"),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(f"migration failed and was undone: {one_line(cause)}") from error


def _revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    connection.rollback()
    return revision


@contextmanager
def _alone(settings: DatabaseSettings, say: Say) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection that holds the advisory lock, once the database answers and no other run holds it."""
    deadline = time.monotonic() + settings.wait
    try:
        with _connected(settings.owner_conninfo, deadline, say) as connection:
            while not _locked(connection):
                if time.monotonic() > deadline:
                    raise MigrationError(f"another migration still holds the lock after {settings.wait:g} s")
                say("waiting for another migration to finish")
                time.sleep(POLL)
            yield connection
    except psycopg.Error as error:
        raise MigrationError(f"migration failed: {one_line(error)}") from error


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


def one_line(error: BaseException) -> str:
    """The first line of an error's text, which for PostgreSQL is the cause."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
