"""Brings the database to a revision of the schema: once, however many replicas ask for it at the same time.

Each step is a transaction of its own: a run that fails or is killed leaves whole steps, never half of one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Protocol

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from memory_engine.connection import MigrationError, Say, alone, one_line
from memory_engine.logins import ReadLogin
from memory_engine.roles import ensure_app_role, ensure_logins
from memory_engine.settings import DatabaseSettings

VERSION_TABLE = "memory_schema_version"
"""Lies in `public`, so that the schema `memory` itself can come and go."""

NOTHING = "base"
"""How a database without a revision is called, as Alembic calls it."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a step that found a table in use is tried again; in between, those who waited behind it get on."""


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


def migrate(settings: DatabaseSettings, say: Say, *, to: str = "head", login: ReadLogin = lambda: None) -> Outcome:
    """Step up to a revision, then see to the service's login.

    A database at a revision that this version doesn't know was migrated by a newer one. Asked for "head" it stays as it
    is: after a rollback the previous version runs on the newer schema.

    Args:
        settings: the database, with the owner's login.
        say: takes progress lines.
        to: a revision or "head".
        login: the service's login; without one its users are left alone. It is read after the steps, which may take
            long: a login that was rotated meanwhile stays rotated.

    Raises:
        MigrationError: the database wasn't there in time, the revision is unknown, or a step failed (and was undone).
    """
    with alone(settings, say) as connection:
        ensure_app_role(connection)
        before = _revision_of(connection)
        if to == "head" and not _known(before):
            say(f"the schema is at {before}, which this version doesn't know: a newer one made it; it stays")
            outcome = Outcome(before, before, ())
        else:
            outcome = _step(connection, command.upgrade, to, say)
        if service := login():
            ensure_logins(connection, service)
        return outcome


def downgrade(settings: DatabaseSettings, say: Say, *, to: str) -> Outcome:
    """Step back to a revision, or to "base" for an empty database. What the steps made is lost.

    Raises:
        MigrationError: as for `migrate`; also if a step cannot be taken back, or if the database is at a revision that
            this version doesn't know: only a version that knows a step can take it back.
    """
    with alone(settings, say) as connection:
        before = _revision_of(connection)
        if not _known(before):
            raise MigrationError(f"the schema is at {before}, which only a newer version knows how to take back")
        return _step(connection, command.downgrade, to, say)


def current(settings: DatabaseSettings, say: Say) -> str | None:
    """The revision the database is at, None for an empty one.

    Raises:
        MigrationError: the database wasn't there in time, or another migration was under way for too long.
    """
    with alone(settings, say) as connection:
        return _revision_of(connection)


def pending(settings: DatabaseSettings, say: Say) -> str:
    """The SQL that `migrate` would run now, "" if it has nothing to do. Nothing of it is run.

    Raises:
        MigrationError: as for `current`; or a step can't be written as SQL because it asks the database.
    """
    before = current(settings, say)
    if not _known(before):
        say(f"the schema is at {before}, which this version doesn't know: nothing is pending")
        return ""
    return sql_between(before, "head")


def sql_between(before: str | None, to: str) -> str:
    """The SQL that leads from a revision (None: an empty database) to another; "" if they are the same.

    Raises:
        MigrationError: a revision is unknown, or a step can't be written as SQL.
    """
    script = StringIO()
    config = _config(output_buffer=script)
    try:
        if before is not None and ScriptDirectory.from_config(config).get_revision(to).revision == before:
            return ""
        command.upgrade(config, f"{before or NOTHING}:{to}", sql=True)
    except CommandError as error:
        raise MigrationError(f"cannot write the steps to {to!r}: {one_line(error)}") from error
    except (AttributeError, SQLAlchemyError) as error:
        # Without a database `op.get_bind()` is None.
        raise MigrationError(f"a step cannot be written as SQL: {one_line(error)}") from error
    return script.getvalue()


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


def _step(connection: psycopg.Connection[TupleRow], move: _Command, to: str, say: Say) -> Outcome:
    """Step to a revision; where a table was in use for too long, again after a pause."""
    before = _revision_of(connection)
    steps = _Steps(say)
    for pause in (*PAUSES, None):
        try:
            _move(connection, move, to, steps)
            break
        except DBAPIError as error:
            if pause is None or not isinstance(error.orig, LockNotAvailable):
                raise MigrationError(f"migration failed and was undone: {one_line(error.orig or error)}") from error
            say(f"a table is in use ({one_line(error.orig)}); trying again in {pause:g} s")
            time.sleep(pause)
    return Outcome(before, _revision_of(connection), tuple(steps.applied))


def _move(connection: psycopg.Connection[TupleRow], move: _Command, to: str, steps: _Steps) -> None:
    with _for_alembic(connection) as alembics:
        config = _config()
        config.attributes.update(connection=alembics, on_version_apply=steps)
        try:
            move(config, to)
        except CommandError as error:
            raise MigrationError(f"cannot migrate to {to!r}: {one_line(error)}") from error
        except NotImplementedError as error:
            raise MigrationError(f"a step cannot be taken back: {one_line(error)}") from error
        alembics.commit()


def _config(output_buffer: StringIO | None = None) -> Config:
    config = Config(output_buffer=output_buffer)
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["version_table"] = VERSION_TABLE
    return config


@contextmanager
def _for_alembic(connection: psycopg.Connection[TupleRow]) -> Iterator[Connection]:
    """The same connection as Alembic wants it, with transactions; afterwards it is without again."""
    connection.autocommit = False
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as alembics:
        yield alembics
    connection.autocommit = True


def _revision_of(connection: psycopg.Connection[TupleRow]) -> str | None:
    with _for_alembic(connection) as alembics:
        return MigrationContext.configure(alembics, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _known(revision: str | None) -> bool:
    """Whether this version has the step that led to a revision."""
    if revision is None:
        return True
    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False
