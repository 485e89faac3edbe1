"""PostgreSQL through its own `psql`, where the server runs: scripts come on standard input, never as arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import store_kind
from optimus_ops.errors import OpsError, Refused
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.value import Secret
from optimus_ops.system.process import Completed

SECONDS = 20.0
CONNECT_SECONDS = 3
PSQL = ("--no-psqlrc", "--quiet", "--no-password", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")
COMMAND = f'user=${{POSTGRES_USER:-postgres}}; exec psql {" ".join(PSQL)} -U "$user" -d "${{POSTGRES_DB:-$user}}"'
# What is done here is of no interest to the server's log, least of all the verifiers of passwords.
SILENTLY = """\
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET statement_timeout = '10s';
"""
CONNECTED = "connected"

Psql = Callable[[Secret], Completed]
"""Runs a script as the superuser."""


@dataclass(frozen=True)
class Role:
    """A user of the server, and how many sessions it has."""

    name: str
    can_login: bool
    verifier: str
    sessions: int


@dataclass(frozen=True)
class LoggedIn:
    """What came of a login: whether it was let in, and what was wrong with its rights ("" for nothing)."""

    connected: bool
    complaint: str = ""


@dataclass(frozen=True)
class Database:
    """The server as its superuser sees it. Methods raise `TargetFailed` where it gives no usable answer.

    Args:
        host: at which logins are tried: one where the server asks for passwords.
    """

    psql: Psql
    host: str = "127.0.0.1"

    def roles(self) -> dict[str, Role]:
        """Return the users and groups by their names."""
        query = (
            "SELECT json_agg(json_build_array(rolname, rolcanlogin AND coalesce(rolvaliduntil > now(), true),"
            " coalesce(rolpassword, ''), (SELECT count(*) FROM pg_stat_activity WHERE usesysid = pg_authid.oid)))"
            " FROM pg_authid;"
        )
        return {name: Role(name, *facts) for name, *facts in self._json(query)}

    def groups(self, user: str) -> tuple[str, ...]:
        """Return the roles that a user is a member of."""
        member = literal(identifier(user))
        groups = "SELECT coalesce(json_agg(roleid::regrole::text ORDER BY roleid), '[]') FROM pg_auth_members"
        return tuple(self._json(f"{groups} WHERE member = {member}::regrole;"))

    def set_login(self, user: str, verifier: str, *, allowed: bool) -> None:
        """Give a user another password, and say whether it can log in."""
        login = "LOGIN" if allowed else "NOLOGIN"
        self._script(f"ALTER ROLE {identifier(user)} {login} PASSWORD {literal(verifier)};")

    def end_sessions(self, user: str) -> None:
        """End the sessions of a user."""
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        self._script(f"{end} WHERE usename = {literal(user)};")

    def log_in(self, user: str, password: Secret) -> LoggedIn:
        """Log in on a new connection, and use each right that the user has, without a trace."""
        place = f"postgresql://{quote(user, safe='')}:{quote(password.reveal(), safe='')}@{quote(self.host, safe='')}"
        words = f"\\connect -reuse-previous=on '{place}?connect_timeout={CONNECT_SECONDS}'\n\\echo {CONNECTED}\n"
        done = self._run(Secret(words + RIGHTS))
        connected = CONNECTED in done.stdout.splitlines()
        if not connected or done.code == 0:
            return LoggedIn(connected)
        return LoggedIn(connected, next((line for line in done.stderr.splitlines() if "ERROR:" in line), "no answer"))

    def _json(self, query: str) -> Any:
        try:
            return json.loads(self._script(query))
        except ValueError:
            raise TargetFailed("PostgreSQL answered something else than what it was asked for") from None

    def _script(self, text: str) -> str:
        done = self._run(Secret(SILENTLY + text))
        if done.code != 0:
            # Errors quote statements, which have verifiers in them.
            raise TargetFailed(
                f"PostgreSQL did not do what it was asked to (psql ended with {done.code})",
                "is it ready? invoke status; its log says more: invoke logs --service postgres",
            )
        return done.stdout

    def _run(self, script: Secret) -> Completed:
        try:
            return self.psql(script)
        except OpsError as error:
            raise TargetFailed("PostgreSQL can't be asked", error.message) from None


RIGHTS = """\
SET statement_timeout = '10s';
DO $$
DECLARE
    found record;
    used integer := 0;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname IN (session_user, current_user) AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION '% is above row-level security', session_user;
    END IF;
    FOR found IN
        SELECT pg_class.oid, format('%I.%I', nspname, relname) AS name, nspname, relrowsecurity
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relkind IN ('r', 'p') AND nspname !~ '^(pg_|information_schema$)'
            AND has_schema_privilege(pg_namespace.oid, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT')
    LOOP
        EXECUTE 'SELECT FROM ' || found.name || ' LIMIT 1';
        IF has_table_privilege(found.oid, 'INSERT') THEN
            EXECUTE 'INSERT INTO ' || found.name || ' SELECT * FROM ' || found.name || ' WHERE false';
        END IF;
        IF found.relrowsecurity AND NOT row_security_active(found.oid) THEN
            RAISE EXCEPTION '% is above row-level security of %', session_user, found.name;
        END IF;
        IF NOT has_schema_privilege(found.nspname, 'CREATE') THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I.optimus_rotation_probe ()', found.nspname);
                RAISE EXCEPTION '% can make tables in %', session_user, found.nspname;
            EXCEPTION WHEN insufficient_privilege THEN NULL;
            END;
        END IF;
        used := used + 1;
    END LOOP;
    IF used = 0 THEN
        RAISE EXCEPTION '% can read no table', session_user;
    END IF;
END $$;
"""
"""Reads and writes each table that the user may, and is refused where it may make none; nothing stays.

Row-level security hides what it hides: a table that has it has to apply it to this user.
"""


def identifier(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def stack_psql(engine: Engine, project: str) -> Psql:
    """Return what runs scripts in the container of a stack's one PostgreSQL server."""

    def psql(script: Secret) -> Completed:
        running = [replica for replica in engine.observe(project).replicas if store_kind(replica.image) == "postgres"]
        if len(running) != 1:
            raise Refused(f"{project} has {len(running)} containers of PostgreSQL; one is wanted", "invoke up")
        text = script.reveal().encode()
        return engine.exec(running[0].id, ("sh", "-c", COMMAND), seconds=SECONDS, feed=lambda pipe: pipe.write(text))

    return psql
