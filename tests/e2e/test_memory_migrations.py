import base64
import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.e2e.memory_stack import MemoryStack, memory_stack

from memory_engine.connection import MigrationError
from memory_engine.logins import USERS, Login
from memory_engine.migrate import current, downgrade, migrate
from memory_engine.roles import ensure_app_role, ensure_logins

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(server_url: str, tmp_path: Path) -> Iterator[MemoryStack]:
    with memory_stack(server_url, tmp_path) as stack:
        yield stack


def quiet(_: str) -> None:
    pass


def test_up_down_and_up_again_ends_where_up_did(stack: MemoryStack) -> None:
    database = stack.settings().database
    head = migrate(database, quiet).after
    made = stack.relations()
    assert downgrade(database, quiet, to="base").after is None
    assert stack.relations() == set()
    assert current(database, quiet) is None
    assert migrate(database, quiet).after == head
    assert stack.relations() == made


def test_a_second_run_has_nothing_to_do(stack: MemoryStack) -> None:
    database = stack.settings().database
    migrate(database, quiet)
    assert migrate(database, quiet).applied == ()


def test_of_runs_at_the_same_time_one_applies_and_all_succeed(stack: MemoryStack) -> None:
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda _: stack.run(RUN_MIGRATIONS_ONLY="true"), range(3)))
    assert [done.returncode for done in runs] == [0, 0, 0]
    assert sum(done.stdout.count("applied 0001") for done in runs) == 1


def test_an_unknown_revision_is_refused_in_one_line(stack: MemoryStack) -> None:
    refused = stack.run("migrate", "--to", "no-such-revision")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "no-such-revision" in refused.stderr


def test_a_failed_step_leaves_nothing_behind(stack: MemoryStack) -> None:
    with stack.admin() as admin:
        admin.execute("CREATE SCHEMA memory")
    with pytest.raises(MigrationError, match="memory"):
        migrate(stack.settings().database, quiet)
    assert stack.relations() == set()
    assert current(stack.settings().database, quiet) is None


def test_without_a_database_it_says_so_while_it_waits_and_gives_up(stack: MemoryStack, tmp_path: Path) -> None:
    gone = stack.run("migrate", DATABASE_URL=f"postgresql://nobody@/nothing?host={tmp_path}", DB_WAIT="1")
    assert gone.returncode == 1
    assert "waiting for the database" in gone.stdout
    assert len(gone.stderr.splitlines()) == 1


@pytest.mark.parametrize("user", USERS)
def test_the_user_of_the_login_gets_a_verifier_of_its_password(stack: MemoryStack, user: str) -> None:
    password = "it's \\ a pass:word"
    migrate(stack.settings().database, quiet, login=lambda: Login(user, password))
    with stack.admin() as admin:
        row = admin.execute("SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = %s", (user,)).fetchone()
    assert row is not None
    assert row[0] is True
    assert verifies(str(row[1]), password)


def test_both_users_may_become_the_app_role_and_own_no_right_of_their_own(stack: MemoryStack) -> None:
    migrate(stack.settings().database, quiet, login=lambda: Login(USERS[0], "a-password"))
    query = """
        SELECT pg_has_role(rolname, 'memory_app', 'MEMBER'), rolinherit, rolsuper, rolbypassrls, rolcreaterole,
            rolcreatedb FROM pg_roles WHERE rolname = ANY(%s)
    """
    with stack.admin() as admin:
        assert set(admin.execute(query, (list(USERS),))) == {(True, False, False, False, False, False)}


def test_migrations_neither_lock_nor_open_the_user_that_the_login_does_not_name(stack: MemoryStack) -> None:
    database = stack.settings().database
    with stack.admin() as admin:
        states = []
        for state in ("LOGIN", "NOLOGIN"):
            migrate(database, quiet, login=lambda: Login(USERS[0], "a-password"))
            admin.execute(f"ALTER ROLE {USERS[1]} {state}")
            migrate(database, quiet, login=lambda: Login(USERS[0], "a-password"))
            query = "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s"
            states.append(admin.execute(query, (USERS[1],)).fetchone())
    assert states == [(True,), (False,)]


def test_no_password_is_written_anywhere(stack: MemoryStack) -> None:
    (Path(stack.environ["SECRETS_DIR"]) / "MEMORY_DB_PASSWORD").write_text("hush-hush")
    done = stack.run("migrate")
    assert done.returncode == 0
    assert "hush-hush" not in done.stdout + done.stderr


def test_the_server_logs_no_password_even_if_it_logs_every_statement(stack: MemoryStack) -> None:
    logged = make_conninfo(stack.url, options="-c log_statement=all -c client_min_messages=log")
    notices: list[str] = []
    with psycopg.connect(logged, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        ensure_app_role(connection)
        ensure_logins(connection, Login(USERS[1], "hush-hush"))
    assert any("ALTER ROLE" in line and "SCRAM-SHA-256$" in line for line in notices)
    assert "hush-hush" not in "".join(notices)


def verifies(stored: str, password: str) -> bool:
    """Whether a SCRAM-SHA-256 verifier (RFC 5803) is the password's."""
    _, iterations_and_salt, keys = stored.split("$")
    iterations, salt = iterations_and_salt.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return base64.b64decode(keys.split(":")[1]) == server_key
