"""What a deploy asks of the migrations job: revision, pending SQL, the way back; and no harm when the job dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.e2e.memory_stack import MemoryStack, memory_stack
from tests.e2e.newer_memory import newer_version

from memory_engine.migrate import migrate
from optimus_ops.migrations.lint import findings

pytestmark = pytest.mark.e2e

ADD_NOTE = ('op.execute("ALTER TABLE memory.memories ADD COLUMN note text")',)
DROP_NOTE = ('op.execute("ALTER TABLE memory.memories DROP COLUMN note")',)
NOTE = (ADD_NOTE[0], DROP_NOTE[0])
FOREVER = ('op.execute("CREATE TABLE memory.half ()")\nop.execute("SELECT pg_sleep(250)")', "pass")
FINAL = ('op.execute("CREATE TABLE memory.kept ()")', 'raise NotImplementedError("it keeps what it made")')


# As docs/migrations.md has it for a partitioned table.
INDEX = (
    """
with op.get_context().autocommit_block():
    for number in range(16):
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS memory.memories_{number}_space")
        op.execute(f"CREATE INDEX CONCURRENTLY memories_{number}_space ON memory.memories_{number} (space)")
op.execute("CREATE INDEX memories_space ON ONLY memory.memories (space)")
for number in range(16):
    op.execute(f"ALTER INDEX memory.memories_space ATTACH PARTITION memory.memories_{number}_space")
""",
    'op.execute("DROP INDEX memory.memories_space")',
)


@pytest.fixture
def stack(server_url: str, tmp_path: Path) -> Iterator[MemoryStack]:
    with memory_stack(server_url, tmp_path) as stack:
        yield stack


@pytest.fixture
def migrated(stack: MemoryStack) -> MemoryStack:
    migrate(stack.settings().database, lambda _line: None)
    return stack


@pytest.fixture(scope="module")
def unchanged(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryStack]:
    """A migrated database for tests that only ask."""
    with memory_stack(server_url, tmp_path_factory.mktemp("unchanged")) as stack:
        migrate(stack.settings().database, lambda _line: None)
        yield stack


@contextmanager
def running(stack: MemoryStack, *words: str, path: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "memory_engine", *words],
        env=os.environ | stack.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def sleeps(admin: psycopg.Connection[tuple[object, ...]]) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'"
    return admin.execute(f"{query} AND state = 'active'").fetchone() is not None


def wait_until_it_sleeps(stack: MemoryStack, process: subprocess.Popen[str]) -> None:
    with stack.admin() as admin:
        while not sleeps(admin):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)


def test_the_revision_is_all_that_current_prints(stack: MemoryStack) -> None:
    assert stack.run("current").stdout == "base\n"
    stack.run("migrate")
    assert stack.run("current").stdout == "0001\n"


def test_the_sql_that_is_printed_is_what_migrate_would_have_run(stack: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", NOTE)
    printed = stack.run("sql", PYTHONPATH=path)
    assert printed.returncode == 0, printed.stderr
    assert stack.run("current").stdout == "base\n"
    assert stack.relations() == set()
    with stack.admin() as admin:
        admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'memory_app'").fetchone() or admin.execute(
            "CREATE ROLE memory_app NOLOGIN"
        )
        admin.execute(printed.stdout.encode())
    assert stack.run("current", PYTHONPATH=path).stdout == "0002\n"
    by_hand = stack.relations()
    assert stack.run("downgrade", "base", PYTHONPATH=path).returncode == 0
    assert stack.run("migrate", PYTHONPATH=path).returncode == 0
    assert stack.relations() == by_hand


def test_only_what_the_database_lacks_is_pending(unchanged: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", NOTE)
    pending = unchanged.run("sql", PYTHONPATH=path).stdout
    assert "ADD COLUMN note" in pending
    assert "CREATE TABLE" not in pending


def test_where_nothing_is_pending_nothing_is_printed(unchanged: MemoryStack) -> None:
    assert unchanged.run("sql").stdout == ""


def test_an_older_version_leaves_a_newer_schema_as_it_is(migrated: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", NOTE)
    migrated.run("migrate", PYTHONPATH=path)
    older = migrated.run("migrate")
    assert older.returncode == 0, older.stderr
    assert "newer" in older.stdout
    assert migrated.run("sql").stdout == ""
    assert migrated.run("current").stdout == "0002\n"
    back = migrated.run("downgrade", "0001")
    assert back.returncode == 1
    assert "0002" in back.stderr
    assert len(back.stderr.splitlines()) == 1


def test_the_newer_version_takes_its_steps_back_and_again_changes_nothing(
    migrated: MemoryStack, tmp_path: Path
) -> None:
    path = newer_version(tmp_path / "newer", NOTE)
    migrated.run("migrate", PYTHONPATH=path)
    for reverted in (1, 0):
        back = migrated.run("downgrade", "0001", PYTHONPATH=path)
        assert back.returncode == 0, back.stderr
        assert back.stdout.count("reverted") == reverted
    assert migrated.run("current").stdout == "0001\n"


def test_a_step_that_cannot_be_taken_back_says_so_and_stays(migrated: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", FINAL)
    migrated.run("migrate", PYTHONPATH=path)
    back = migrated.run("downgrade", "0001", PYTHONPATH=path)
    assert back.returncode == 1
    assert "it keeps what it made" in back.stderr
    assert migrated.run("current", PYTHONPATH=path).stdout == "0002\n"
    assert "kept" in migrated.relations()


def test_a_step_that_asks_the_database_cannot_be_written_as_sql(unchanged: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", ('op.get_bind().exec_driver_sql("SELECT 1")', "pass"))
    asked = unchanged.run("sql", PYTHONPATH=path)
    assert asked.returncode == 1
    assert asked.stdout == ""
    assert "cannot be written as SQL" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_sigterm_ends_a_hanging_run_and_leaves_nothing_of_its_step(migrated: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", NOTE, FOREVER)
    with running(migrated, "migrate", path=path) as process:
        wait_until_it_sleeps(migrated, process)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[0]
    assert process.returncode == 143, said
    assert "Traceback" not in said
    with migrated.admin() as admin:
        assert not sleeps(admin)
    assert migrated.run("current", PYTHONPATH=path, DB_WAIT="0").stdout == "0002\n"
    assert "half" not in migrated.relations()


def test_a_statement_that_takes_too_long_is_cancelled_and_undone(unchanged: MemoryStack, tmp_path: Path) -> None:
    up = f"""op.execute("SET LOCAL statement_timeout = '200ms'")\n{FOREVER[0]}"""
    path = newer_version(tmp_path / "newer", (up, "pass"))
    done = unchanged.run("migrate", PYTHONPATH=path)
    assert done.returncode == 1
    assert "statement timeout" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "half" not in unchanged.relations()


def test_a_killed_run_is_ended_by_the_server_and_the_next_one_gets_the_lock(
    migrated: MemoryStack, tmp_path: Path
) -> None:
    hanging = newer_version(tmp_path / "hanging", FOREVER)
    with running(migrated, "migrate", path=hanging) as process:
        wait_until_it_sleeps(migrated, process)
        process.kill()
    mended = newer_version(tmp_path / "mended", NOTE)
    again = migrated.run("migrate", PYTHONPATH=mended, DB_WAIT="60")
    assert again.returncode == 0, again.stderr
    with migrated.admin() as admin:
        assert not sleeps(admin)
    assert "half" not in migrated.relations()


def test_while_a_run_is_under_way_another_one_waits_and_gives_up_with_a_reason(
    migrated: MemoryStack, tmp_path: Path
) -> None:
    path = newer_version(tmp_path / "newer", FOREVER)
    with running(migrated, "migrate", path=path) as process:
        wait_until_it_sleeps(migrated, process)
        asked = migrated.run("current", DB_WAIT="0")
    assert asked.returncode == 1
    assert asked.stdout == ""
    assert "another migration" in asked.stderr


def test_a_table_in_use_is_tried_again_instead_of_being_waited_for(migrated: MemoryStack, tmp_path: Path) -> None:
    path = newer_version(tmp_path / "newer", NOTE)
    with migrated.admin() as user, running(migrated, "migrate", path=path) as process:
        with user.transaction():
            user.execute("SELECT 1 FROM memory.memories")
            assert process.stdout is not None
            assert any("trying again" in line for line in process.stdout)
        said = process.communicate()[0]
    assert process.returncode == 0, said
    assert said.count("applied 0002") == 1


def test_an_index_is_built_while_the_memories_are_written_and_again_where_that_was_cut_short(
    migrated: MemoryStack, tmp_path: Path
) -> None:
    path = newer_version(tmp_path / "newer", INDEX)
    assert findings(migrated.run("sql", PYTHONPATH=path).stdout) == ()
    with migrated.admin() as user, running(migrated, "migrate", path=path) as process:
        with user.transaction():
            user.execute("LOCK TABLE memory.memories_5 IN ROW EXCLUSIVE MODE")
            assert process.stdout is not None
            assert any("trying again" in line for line in process.stdout)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        query = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert user.execute(query).fetchone() == (0,)
    assert "memories_space" in migrated.relations()


@pytest.mark.parametrize("words", [["current"], ["sql"], ["downgrade", "nowhere"], ["migrate", "--to", "nowhere"]])
@pytest.mark.parametrize("there", ["", "_nowhere"])
def test_the_owners_password_is_in_no_answer(unchanged: MemoryStack, words: list[str], there: str) -> None:
    given = conninfo_to_dict(unchanged.url)
    url = make_conninfo(unchanged.url, password="hush-hush", dbname=f"{given['dbname']}{there}")
    done = unchanged.run(*words, DATABASE_URL=url, DB_WAIT="0")
    assert "hush" not in done.stdout + done.stderr
    # A server that asks for the password refuses this one; an embedded one takes any.
    assert bool(done.returncode) == bool(there or "nowhere" in words or "password" in given)
