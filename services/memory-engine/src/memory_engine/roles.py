"""The database roles of memory-engine.

Roles belong to the whole server, not to one database, so they are kept apart from the schema's history and never
removed by it.

- `memory_app` can't log in and holds the grants; row-level security binds it.
- `memory_engine` and `memory_engine_b` are the users that the service's login alternates between. They own nothing and
  inherit nothing: at login each becomes `memory_app`.

The user that the secret names can log in; the other one is made without that, and otherwise left as it is: while a
login is rotated both can, and whoever rotates it locks the old one at the end.
"""

from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from memory_engine.logins import USERS, Login

APP_ROLE = "memory_app"
RIGHTS = "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"


def ensure_app_role(connection: psycopg.Connection) -> None:
    """Make `memory_app` unless it is there.

    Raises:
        psycopg.Error: the login may not make roles.
    """
    _create(connection, APP_ROLE, f"NOLOGIN {RIGHTS}")


def ensure_logins(connection: psycopg.Connection[TupleRow], login: Login) -> None:
    """Make both users, and give that of `login` its present password.

    The password is turned into a SCRAM verifier here, so that the server, and its log, never see it.

    Raises:
        psycopg.Error: the login of this connection may not make roles.
    """
    app = sql.Identifier(APP_ROLE)
    for user in USERS:
        _create(connection, user, f"NOLOGIN {RIGHTS} NOINHERIT")
        role = sql.Identifier(user)
        connection.execute(sql.SQL("GRANT {} TO {}").format(app, role))
        connection.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(role, app))
    password = connection.pgconn.encrypt_password(login.password.encode(), login.user.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(login.user), sql.Literal(password.decode())))


def _create(connection: psycopg.Connection[TupleRow], role: str, attributes: str) -> None:
    """Make a role unless it is there, or is just being made from another database of the same server."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} " + attributes).format(sql.Identifier(role)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return
