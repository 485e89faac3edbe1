"""Clients of the two Redis stores: `redis` keeps state, `redis-cache` may forget."""

from typing import TYPE_CHECKING, Any

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_kit.redis.command_spans import RecordedRedis
from optimus_kit.redis.credentials import SecretCredentials
from optimus_kit.redis.durable import NotReplicatedError, run_durably, wait
from optimus_kit.redis.lean_connection import lean
from optimus_kit.redis.sentinel import connect_to_master
from optimus_kit.redis_url import parse_redis_url
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import RedisSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["NotReplicatedError", "connect", "connect_cache", "run_durably", "wait"]

PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - the secret's name
SOCKET_SECONDS = 5.0


def connect(settings: RedisSettings, secrets: SecretWatcher, *, block: float = 0.0, **overrides: Any) -> "Redis":
    """Make a client of the state store: of REDIS_URL, or of the master that the sentinels name.

    Nothing is sent before the first command. Each new connection shows the secret REDIS_PASSWORD as it is then. A
    connection that is cut (a restart, CLIENT KILL) is replaced, and its command sent again; with sentinels a command
    is tried until `settings.deadline`, wherever the master goes meanwhile. So commands may be sent more than once, and
    have to be ones that may be.

    Args:
        settings: where the store is.
        secrets: where the password is.
        block: how long commands of this client may wait on purpose, in seconds. A client that waits is only for that.
        overrides: arguments of `redis.asyncio.Redis` that differ from the defaults here, such as
            `decode_responses=True`. `retry` is for a single server; sentinels come with their own way.
    """
    if settings.sentinel_enabled:
        return connect_to_master(settings, secrets, block=block, **overrides)
    options = _options() | {"socket_timeout": SOCKET_SECONDS + block} | overrides
    return _from_url(settings.url, secrets, settings.username, options)


def connect_cache(url: str, secrets: SecretWatcher, **overrides: Any) -> "Redis":
    """Make a client of the cache at `url`; arguments as for `connect`."""
    return _from_url(url, secrets, None, _options() | overrides)


def _from_url(text: str, secrets: SecretWatcher, username: str | None, options: dict[str, Any]) -> "Redis":
    url = parse_redis_url(text)
    user = url.user or username
    login: dict[str, Any] = {"credential_provider": SecretCredentials(secrets, PASSWORD, username=user)}
    if url.password:
        login = {"username": user, "password": url.password}
    client = RecordedRedis(**options | url.arguments() | login)
    client.connection_pool.connection_class = lean(client.connection_pool.connection_class)
    return client


def _options() -> dict[str, Any]:
    return {
        "decode_responses": False,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "max_connections": 256,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), 3, (RedisConnectionError, RedisTimeoutError)),
    }
