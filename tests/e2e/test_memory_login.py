"""The change of memory-engine's database login while it serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.e2e.memory_stack import ACME, GLOBEX, MemoryStack, embedded_server, memory_stack

from memory_engine.database import Database
from memory_engine.login_switch import LoginSwitch
from memory_engine.logins import SECRET, USERS, Login, parse_login
from memory_engine.migrate import migrate
from memory_engine.roles import ensure_logins

pytestmark = pytest.mark.e2e

FIRST, SECOND = (parse_login(f"{user}:password of {user}") for user in USERS)
PATIENCE = 60.0


def quiet(_: str) -> None:
    pass


@dataclass
class Secret:
    """The login that the secret names now."""

    login: Login | None = FIRST
    told: list[str] = field(default_factory=list)
    """The logins that were said to be in use."""

    def read(self) -> Login | None:
        return self.login


@pytest.fixture(scope="module")
def strict_server() -> Iterator[str]:
    """A server that asks the two users for their passwords, as the embedded one doesn't by itself."""
    with embedded_server() as server:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as admin:
            row = admin.execute("SHOW hba_file").fetchone()
            assert row is not None
            rules = Path(str(row[0]))
            rules.write_text(f"local all {','.join(USERS)} scram-sha-256\n{rules.read_text()}")
            admin.execute("SELECT pg_reload_conf()")
        yield url


@pytest.fixture
def stack(strict_server: str, tmp_path: Path) -> Iterator[MemoryStack]:
    with memory_stack(strict_server, tmp_path) as stack:
        migrate(stack.settings().database, quiet, login=lambda: FIRST)
        enable(stack, SECOND)
        yield stack


def enable(stack: MemoryStack, login: Login) -> None:
    """What a rotation does to the other user: its password, and that it may log in."""
    with stack.admin() as admin:
        ensure_logins(admin, login)


def lock(stack: MemoryStack, login: Login) -> None:
    """What a rotation does to the old user at its end."""
    with stack.admin() as admin:
        admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(login.user)))


def sessions(stack: MemoryStack, login: Login) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"
    with stack.admin() as admin:
        row = admin.execute(query, (login.user,)).fetchone()
    return int(str(row[0])) if row else 0


def as_login(stack: MemoryStack, login: Login) -> str:
    return make_conninfo(stack.url, user=login.user, password=login.password)


async def no_sessions(stack: MemoryStack, login: Login, switch: LoginSwitch) -> None:
    """Wait until a user has no session, looking as often as the service does, only without the pauses."""
    async with asyncio.timeout(PATIENCE):
        while sessions(stack, login):
            await switch.look()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def opened(stack: MemoryStack, login: Login, **variables: str) -> AsyncIterator[Database]:
    database = Database(stack.settings(DATABASE_URL=as_login(stack, login), **variables).database)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def who(database: Database) -> tuple[object, ...]:
    async with database.transaction("acme") as connection:
        row = await (await connection.execute("SELECT session_user::text, current_user::text")).fetchone()
    assert row is not None
    return row


async def test_new_connections_use_the_new_login_and_idle_ones_end(stack: MemoryStack) -> None:
    secret = Secret()
    async with opened(stack, FIRST) as database:
        switch = LoginSwitch(database, secret.read, secret.told.append)
        assert await who(database) == (FIRST.user, "memory_app")
        secret.login = SECOND
        await switch.look()
        assert await who(database) == (SECOND.user, "memory_app")
        await no_sessions(stack, FIRST, switch)
        lock(stack, FIRST)
        assert await who(database) == (SECOND.user, "memory_app")


async def test_a_connection_that_is_lent_finishes_its_work_and_ends_when_it_is_given_back(stack: MemoryStack) -> None:
    secret = Secret()
    async with opened(stack, FIRST, DB_POOL_SIZE="1", DB_MAX_OVERFLOW="1") as database:
        switch = LoginSwitch(database, secret.read, secret.told.append)
        async with database.transaction("acme") as connection:
            secret.login = SECOND
            await switch.look()
            await switch.look()
            row = await (await connection.execute("SELECT session_user::text")).fetchone()
            assert row == (FIRST.user,)
            assert await who(database) == (SECOND.user, "memory_app")
        await no_sessions(stack, FIRST, switch)


@pytest.mark.parametrize("state", ["locked", "another password"])
async def test_a_login_that_the_database_refuses_is_not_taken_until_it_lets_it_in(
    stack: MemoryStack, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    lock(stack, SECOND) if state == "locked" else enable(stack, Login(SECOND.user, "something else"))
    secret = Secret(SECOND)
    async with opened(stack, FIRST) as database:
        switch = LoginSwitch(database, secret.read, secret.told.append)
        for _ in range(3):
            await switch.look()
            assert await who(database) == (FIRST.user, "memory_app")
        assert secret.told == []
        refusals = [record for record in caplog.records if record.name == "memory_engine.login"]
        assert len(refusals) == 1
        assert SECOND.password not in caplog.text
        enable(stack, SECOND)
        await switch.look()
        assert await who(database) == (SECOND.user, "memory_app")
        assert secret.told == [SECOND.text]


async def test_a_secret_that_is_gone_or_the_same_changes_nothing(stack: MemoryStack) -> None:
    secret = Secret()
    async with opened(stack, FIRST, DB_POOL_SIZE="1", DB_MAX_OVERFLOW="0") as database:
        switch = LoginSwitch(database, secret.read, secret.told.append)
        backends = set()
        for login in (FIRST, None, FIRST):
            secret.login = login
            await switch.look()
            async with database.transaction("acme") as connection:
                backends.add(connection.info.backend_pid)
    assert len(backends) == 1
    assert secret.told == [FIRST.text, FIRST.text]


async def test_an_installation_from_before_two_users_goes_on_with_its_password_through_the_update(
    strict_server: str, tmp_path: Path
) -> None:
    with memory_stack(strict_server, tmp_path) as stack:
        with stack.admin() as admin:
            # What versions that knew one user made.
            for user in USERS:
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(user)))
            migrate(stack.settings().database, quiet)
            admin.execute(f"CREATE ROLE {FIRST.user} LOGIN NOINHERIT PASSWORD '{FIRST.password}'")
            admin.execute(f"GRANT memory_app TO {FIRST.user}")
        async with opened(stack, FIRST, DB_POOL_SIZE="1") as old_replica:
            assert await who(old_replica) == (FIRST.user, "memory_app")
            migrate(stack.settings().database, quiet, login=lambda: parse_login(FIRST.password))
            assert await who(old_replica) == (FIRST.user, "memory_app")
            async with opened(stack, parse_login(FIRST.password)) as new_replica:
                assert await who(new_replica) == (FIRST.user, "memory_app")
        assert not lets_in(stack, Login(USERS[1], FIRST.password))


def lets_in(stack: MemoryStack, login: Login) -> bool:
    try:
        psycopg.connect(as_login(stack, login)).close()
    except psycopg.OperationalError:
        return False
    return True


@dataclass
class Traffic:
    """Clients that keep and look for memories, one request after the other, until they are told to stop."""

    going: bool = True
    answers: list[int] = field(default_factory=list)

    async def client(self, service: httpx.AsyncClient) -> None:
        while self.going:
            kept = await service.post("/v1/memories", json={"text": "the login changes"}, headers=ACME)
            found = await service.post("/v1/memories/search", json={"query": "login"}, headers=ACME)
            others = await service.post("/v1/memories/search", json={"query": "login"}, headers=GLOBEX)
            assert others.json()["results"] == []
            self.answers += [kept.status_code, found.status_code, others.status_code]

    async def some_more(self) -> None:
        enough = len(self.answers) + 100
        async with asyncio.timeout(PATIENCE):
            while len(self.answers) < enough:  # noqa: ASYNC110 - an event would be one more thing to go wrong
                await asyncio.sleep(0.01)


def give(stack: MemoryStack, login: Login) -> None:
    """Replace the secret's file as the operator's library does."""
    file = Path(stack.environ["SECRETS_DIR"]) / SECRET
    file.with_suffix(".new").write_text(f"{login.user}:{login.password}")
    file.with_suffix(".new").replace(file)


async def until_gone(stack: MemoryStack, login: Login) -> None:
    async with asyncio.timeout(PATIENCE):
        while sessions(stack, login):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)


async def test_under_load_two_replicas_change_their_login_there_and_back_without_a_failed_request(
    stack: MemoryStack,
) -> None:
    given = conninfo_to_dict(stack.url)
    variables = {"DATABASE_URL": "", "DB_HOST": str(given["host"]), "DB_NAME": str(given["dbname"])}
    (Path(stack.environ["SECRETS_DIR"]) / SECRET).write_text(FIRST.password)
    traffic = Traffic()
    async with stack.client(**variables) as one, stack.client(**variables, DB_POOL_SIZE="0") as two:
        clients = [asyncio.create_task(traffic.client(service)) for service in [one, two] * 10]
        try:
            await traffic.some_more()
            assert sessions(stack, FIRST) > 0
            back = Login(FIRST.user, "a third password")
            for old, new in ((FIRST, SECOND), (SECOND, back)):
                enable(stack, new)
                give(stack, new)
                await until_gone(stack, old)
                lock(stack, old)
                await traffic.some_more()
                assert sessions(stack, new) > 0
        finally:
            traffic.going = False
            await asyncio.gather(*clients)
    assert set(traffic.answers) <= {200, 201}
