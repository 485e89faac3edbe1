"""Clients of the two Redis stores: `redis` keeps state, `redis-cache` may forget."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import RedisSettings

PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - the secret's name


def connect(settings: RedisSettings, secrets: SecretFolder, **overrides: Any) -> "Redis":
    """Make a client of the state store: of REDIS_URL, or of the master that the sentinels name.

    Nothing is sent before the first command. The password is read from the secret REDIS_PASSWORD when it is there.

    Args:
        settings: where the store is.
        secrets: where the password is.
        overrides: arguments of `redis.asyncio.Redis` that differ from the defaults here, such as
            `decode_responses=True`, or a longer `socket_timeout` (seconds) for blocking reads.
    """
    options = _options(secrets) | overrides
    if not settings.sentinel_enabled:
        return _from_url(settings.url, options)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        settings.sentinel_hosts, sentinel_kwargs=_sentinel_options(secrets), **options
    )
    client: Redis = sentinel.master_for(settings.sentinel_master)
    return client


def connect_cache(url: str, secrets: SecretFolder, **overrides: Any) -> "Redis":
    """Make a client of the cache at `url`; arguments as for `connect`."""
    return _from_url(url, _options(secrets) | overrides)


def _from_url(url: str, options: dict[str, Any]) -> "Redis":
    if url.startswith("unix:"):
        # A Unix socket has no keepalive; the client would refuse the argument.
        options = {name: value for name, value in options.items() if name != "socket_keepalive"}
    return Redis.from_url(url, **options)


def _options(secrets: SecretFolder) -> dict[str, Any]:
    return {
        "password": secrets.get(PASSWORD),
        "decode_responses": False,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "max_connections": 256,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), 3, (RedisConnectionError, RedisTimeoutError)),
    }


def _sentinel_options(secrets: SecretFolder) -> dict[str, Any]:
    return {"password": secrets.get("REDIS_SENTINEL_PASSWORD"), "socket_timeout": 1.0, "socket_connect_timeout": 1.0}
