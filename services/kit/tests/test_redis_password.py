"""A Redis password that is replaced while commands run: real servers on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from tests.redis_server import configured_redis

from optimus_kit.redis import connect
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import RedisSettings

OPERATOR = "operator-password"
WORKERS = 20


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Store:
    """A store whose user `services` has a password that the services read from a file."""

    folder: Path
    redis: int
    sentinel: int
    clock: Clock

    def operator(self) -> Any:
        return Redis(port=self.redis, username="operator", password=OPERATOR, decode_responses=True)

    def put(self, password: str) -> None:
        (self.folder / "new").write_text(password)
        (self.folder / "new").replace(self.folder / "REDIS_PASSWORD")
        self.clock.now += 1

    def watcher(self) -> SecretWatcher:
        return SecretWatcher(SecretFolder(self.folder), clock=self.clock)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    users = f'save ""\nuser default off\nuser operator on >{OPERATOR} ~* &* +@all\nuser services on >old ~* &* +@all\n'
    with configured_redis(tmp_path, users) as redis:
        watched = (
            f"sentinel monitor optimus 127.0.0.1 {redis} 1\n"
            f"sentinel auth-user optimus operator\nsentinel auth-pass optimus {OPERATOR}\n"
            "user services on >old +@all &*\nuser default off\n"
        )
        with configured_redis(tmp_path, watched, "--sentinel") as sentinel:
            folder = tmp_path / "secrets"
            folder.mkdir()
            (folder / "REDIS_PASSWORD").write_text("old")
            yield Store(folder, redis, sentinel, Clock())


def alone(store: Store) -> RedisSettings:
    return RedisSettings(url=f"redis://127.0.0.1:{store.redis}/0", username="services")


def guarded(store: Store) -> RedisSettings:
    return RedisSettings(
        sentinel_enabled=True,
        sentinel_master="optimus",
        sentinel_hosts=(("127.0.0.1", store.sentinel),),
        username="services",
        sentinel_username="services",
        deadline=30,
    )


@asynccontextmanager
async def load(redis: "Redis") -> AsyncIterator[None]:
    """Commands all the while; the first that fails fails the test."""
    stop = asyncio.Event()

    async def work(number: int) -> int:
        done = 0
        while not stop.is_set():
            await redis.set(f"key:{number}", done)
            assert await redis.get(f"key:{number}") == str(done).encode()
            done += 1
        return done

    workers = [asyncio.create_task(work(number)) for number in range(WORKERS)]
    yield
    stop.set()
    assert min(await asyncio.gather(*workers)) > 0


async def kill(operator: Any) -> None:
    """Cut all connections of the services, in use or idle."""
    for client in await operator.client_list():
        if client["user"] == "services":
            await operator.execute_command("CLIENT", "KILL", "ID", client["id"])
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("settings", [alone, guarded])
async def test_no_command_fails_while_the_password_is_replaced_and_connections_are_cut(
    store: Store, settings: Callable[[Store], RedisSettings]
) -> None:
    async with connect(settings(store), store.watcher()) as redis, store.operator() as operator:
        async with load(redis):
            await asyncio.sleep(0.05)
            await operator.execute_command("ACL", "SETUSER", "services", ">new")
            await kill(operator)
            store.put("new")
            await kill(operator)
            await operator.execute_command("ACL", "SETUSER", "services", "<old")
            await kill(operator)
            await kill(operator)
        users = [client["user"] for client in await operator.client_list()]
        assert "services" in users


async def test_a_new_connection_shows_the_password_of_now_and_an_open_one_stays(store: Store) -> None:
    async with connect(alone(store), store.watcher(), max_connections=1) as redis, store.operator() as operator:
        await redis.ping()
        store.put("new")
        await redis.ping()
        await kill(operator)
        with pytest.raises(AuthenticationError):
            await redis.ping()
        store.put("old")
        await redis.ping()


async def test_sentinels_are_shown_the_password_of_now(store: Store) -> None:
    sentinel: Any = Redis(port=store.sentinel, username="services", password="old")
    async with connect(guarded(store), store.watcher()) as redis, store.operator() as operator, sentinel:
        for node in (operator, sentinel):
            await node.execute_command("ACL", "SETUSER", "services", ">new", "<old")
        store.put("new")
        assert await redis.ping()
