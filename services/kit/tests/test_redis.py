"""The client against a real redis-server and a real sentinel on the loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from tests.redis_server import configured_redis

from optimus_kit.redis import connect, connect_cache
from optimus_kit.redis_url import Tls
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import RedisSettings

PASSWORD = "s3cret"


@dataclass(frozen=True)
class Servers:
    redis: int
    sentinel: int


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("redis")
    with configured_redis(folder, f'save ""\nrequirepass {PASSWORD}\n') as redis:
        watched = f"sentinel monitor optimus 127.0.0.1 {redis} 1\nsentinel auth-pass optimus {PASSWORD}\n"
        with configured_redis(folder, watched, "--sentinel") as sentinel:
            yield Servers(redis, sentinel)


@pytest.fixture
def secrets(tmp_path: Path) -> SecretWatcher:
    (tmp_path / "REDIS_PASSWORD").write_text(PASSWORD + "\n")
    return SecretWatcher(SecretFolder(tmp_path))


async def test_the_url_leads_to_the_store_and_the_secret_opens_it(servers: Servers, secrets: SecretWatcher) -> None:
    settings = RedisSettings(url=f"redis://127.0.0.1:{servers.redis}/1")
    async with connect(settings, secrets, decode_responses=True) as redis:
        await redis.set("a", "b")
        assert await redis.get("a") == "b"
    async with connect_cache(settings.url, secrets) as cache:
        assert await cache.get("a") == b"b"


async def test_the_sentinels_lead_to_the_master(servers: Servers, secrets: SecretWatcher) -> None:
    settings = RedisSettings(
        sentinel_enabled=True, sentinel_master="optimus", sentinel_hosts=(("127.0.0.1", servers.sentinel),)
    )
    async with connect(settings, secrets, decode_responses=True) as redis:
        await redis.set("c", "d")
        assert await redis.get("c") == "d"


async def test_without_the_secret_the_store_stays_shut(servers: Servers, tmp_path: Path) -> None:
    settings = RedisSettings(url=f"redis://127.0.0.1:{servers.redis}/0")
    async with connect(settings, SecretWatcher(SecretFolder(tmp_path)), retry=Retry(NoBackoff(), 0)) as redis:
        with pytest.raises(AuthenticationError):
            await redis.get("a")


async def test_a_unix_socket_is_a_place_for_a_store(tmp_path: Path, secrets: SecretWatcher) -> None:
    path = tmp_path / "redis.sock"
    with configured_redis(tmp_path, f'save ""\nrequirepass {PASSWORD}\nunixsocket {path}\n'):
        async with connect(RedisSettings(url=f"unix://{path}"), secrets) as redis:
            assert await redis.ping()


async def test_servers_and_their_sentinels_are_reached_over_tls_where_it_is_wanted(secrets: SecretWatcher) -> None:
    tls = Tls(check_hostname=False)
    settings = RedisSettings(
        sentinel_enabled=True, sentinel_hosts=(("h", 1),), sentinel_master="m", tls=tls, sentinel_tls=tls
    )
    async with connect(settings, secrets) as redis:
        made = redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        assert isinstance(made, SSLConnection)
        assert not made.check_hostname
    async with connect(RedisSettings(url="rediss://h?ssl_cert_reqs=none"), secrets) as redis:
        assert issubclass(redis.connection_pool.connection_class, SSLConnection)
