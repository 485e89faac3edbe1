import base64
import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.e2e.memory_stack import MemoryStack, memory_stack

from memory_engine.connection import MigrationError
from memory_engine.migrate import current, downgrade, migrate

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


def test_the_login_gets_a_verifier_of_its_password_and_may_become_the_app_role(stack: MemoryStack) -> None:
    password = "it's \\ a pass:word"
    migrate(stack.settings().database, quiet, login_password=password)
    with stack.admin() as admin:
        (stored,) = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'memory_engine'").fetchone() or (
            "",
        )
        may = admin.execute("SELECT pg_has_role('memory_engine', 'memory_app', 'MEMBER')").fetchone()
    assert may == (True,)
    assert verifies(str(stored), password)


def test_no_password_is_written_anywhere(stack: MemoryStack) -> None:
    (Path(stack.environ["SECRETS_DIR"]) / "MEMORY_DB_PASSWORD").write_text("hush-hush")
    done = stack.run("migrate")
    assert done.returncode == 0
    assert "hush-hush" not in done.stdout + done.stderr


def verifies(stored: str, password: str) -> bool:
    """Whether a SCRAM-SHA-256 verifier (RFC 5803) is the password's."""
    _, iterations_and_salt, keys = stored.split("$")
    iterations, salt = iterations_and_salt.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return base64.b64decode(keys.split(":")[1]) == server_key
