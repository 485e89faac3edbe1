"""The two database roles of memory-engine.

Roles belong to the whole server, not to one database, so they are kept apart from the schema's history and never
removed by it.

- `memory_app` can't log in and holds the grants; row-level security binds it.
- `memory_engine` logs in with the password of the secret MEMORY_DB_PASSWORD and may only become `memory_app`.
"""

from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

APP_ROLE = "memory_app"
LOGIN_ROLE = "memory_engine"


def ensure_app_role(connection: psycopg.Connection) -> None:
    """Make `memory_app` unless it is there.

    Raises:
        psycopg.Error: the login may not make roles.
    """
    _create(connection, APP_ROLE, "NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")


def ensure_login_role(connection: psycopg.Connection[TupleRow], password: str) -> None:
    """Make `memory_engine` or give it its present password, and make it a member of `memory_app`.

    The password is turned into a SCRAM verifier here, so that the server, and its log, never see it.

    Raises:
        psycopg.Error: the login may not make roles.
    """
    verifier = connection.pgconn.encrypt_password(password.encode(), LOGIN_ROLE.encode(), b"scram-sha-256").decode()
    _create(connection, LOGIN_ROLE, "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT")
    login = sql.Identifier(LOGIN_ROLE)
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(login, sql.Literal(verifier)))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP_ROLE), login))


def _create(connection: psycopg.Connection[TupleRow], role: str, attributes: str) -> None:
    """Make a role unless it is there, or is just being made from another database of the same server."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        return
    try:
        connection.execute(sql.SQL("CREATE ROLE {} " + attributes).format(sql.Identifier(role)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return
