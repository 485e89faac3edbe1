"""A client that follows the master wherever the sentinels put it."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError

from optimus_kit.redis.command_spans import record_command, record_pipeline
from optimus_kit.redis.credentials import SecretCredentials
from optimus_kit.redis.follow import Follower, RefusedForNowError
from optimus_kit.redis.lean_connection import Lean
from optimus_kit.redis.master import Master
from optimus_kit.redis.sentinels import Address, Sentinels
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import RedisSettings

Result = TypeVar("Result")

# A server on the same network answers in milliseconds, and one whose host is gone not at all.
CONNECT_SECONDS = 0.3
# With TLS there are certificates to be read and verified.
TLS_CONNECT_SECONDS = 1.0
# A master that stands still is replaced by then; news of that ends the wait earlier.
SOCKET_SECONDS = 1.0

log = logging.getLogger("optimus.redis")


class DemotedError(RedisConnectionError):
    """The server that was asked is no master any more."""


class MasterConnection(Lean, Connection):
    """A connection to the master, wherever that is when it connects.

    Args:
        master: knows where.
        options: as for `redis.asyncio.Connection`, without host and port.
    """

    def __init__(self, *, master: Master, **options: Any) -> None:
        super().__init__(**options)
        self._master = master

    async def connect(self) -> None:
        """Connect, unless it is connected to the master already."""
        address = await self._master.address()
        if (self.host, self.port) != address:
            await self.disconnect(nowait=True)
        self.host, self.port = address
        await super().connect()  # type: ignore[no-untyped-call]

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; one that only the true master can give better is a failed connection."""
        try:
            return await super().read_response(*args, **options)
        except ResponseError as error:
            # Redis tells these by the code word that starts the reply only. MISCONF: its disk takes nothing, and the
            # sentinels, whose PING is refused likewise, are about to replace it.
            refused, demoted = (str(error).startswith(words) for words in (("NOREPLICAS", "MISCONF"), "UNBLOCKED"))
            if not (refused or demoted or isinstance(error, (ReadOnlyError, MasterDownError))):
                raise
            await self.disconnect(nowait=True)
            raise (RefusedForNowError if refused else DemotedError)(str(error)) from None


class MasterTlsConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


class SentinelPipeline(Pipeline):
    """A pipeline that is sent again as a whole."""

    def __init__(self, follower: Follower, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._follower = follower

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was put in and return the answers."""
        if self.watching:
            return await super().execute(raise_on_error)
        commands, scripts = self.command_stack, self.scripts
        once = super().execute

        async def attempt() -> list[Any]:
            self.command_stack, self.scripts = list(commands), set(scripts)
            return await once(raise_on_error)

        return await record_pipeline(commands, lambda: self._follower.run(attempt))


class SentinelRedis(Redis):
    """A client of the master; made by `connect_to_master`."""

    def __init__(self, master: Master, follower: Follower, pool: BlockingConnectionPool) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._master = master
        self._follower = follower

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Carry out a command."""
        attempt = partial(super().execute_command, *args, **options)
        return await record_command(args, lambda: self.follow(attempt))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Make a pipeline."""
        return SentinelPipeline(self._follower, self.connection_pool, self.response_callbacks, transaction, shard_hint)

    async def follow(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `attempt` returns; until the deadline it is made again when connection or master fail."""
        return await self._follower.run(attempt)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections and stop listening to the sentinels."""
        await self._master.aclose()
        await super().aclose(close_connection_pool)


def connect_to_master(
    settings: RedisSettings, secrets: SecretWatcher, *, block: float = 0.0, **overrides: Any
) -> SentinelRedis:
    """Make a client of the master that the sentinels name.

    Args:
        settings: which sentinels.
        secrets: where the passwords are: REDIS_PASSWORD; and REDIS_SENTINEL_PASSWORD where the sentinels want another.
        block: how long commands of this client may wait on purpose, in seconds.
        overrides: arguments of a connection pool, such as `max_connections`.
    """
    # What opens the nodes opens the sentinels too, where they know users.
    sentinel_passwords = ("REDIS_SENTINEL_PASSWORD", *(("REDIS_PASSWORD",) if settings.sentinel_username else ()))
    options: dict[str, Any] = {
        "credential_provider": SecretCredentials(secrets, "REDIS_PASSWORD", username=settings.username),
        "socket_connect_timeout": TLS_CONNECT_SECONDS if settings.tls else CONNECT_SECONDS,
        "socket_timeout": SOCKET_SECONDS,
        "socket_keepalive": True,
        # Trying again is the follower's: it alone knows the deadline.
        "retry": Retry(NoBackoff(), 0),
        **(settings.tls.connection_arguments() if settings.tls else {}),
    }
    sentinels = Sentinels(
        settings.sentinel_hosts,
        settings.sentinel_master,
        credential_provider=SecretCredentials(secrets, *sentinel_passwords, username=settings.sentinel_username),
        **(settings.sentinel_tls.arguments() if settings.sentinel_tls else {}),
    )
    master = Master(sentinels, partial(is_master, SSLConnection if settings.tls else Connection, options))
    overrides = {name: value for name, value in overrides.items() if name != "retry"}
    waiting = {"socket_timeout": SOCKET_SECONDS + block + settings.durability.seconds}
    pool = BlockingConnectionPool(
        connection_class=MasterTlsConnection if settings.tls else MasterConnection,
        master=master,
        timeout=settings.deadline,
        **{"max_connections": 256, **options, **waiting, **overrides},
    )
    return SentinelRedis(master, Follower(master, settings.deadline + block), pool)


async def is_master(kind: type[Connection], options: dict[str, Any], address: Address) -> bool:
    """Tell whether the server at `address` answers, and says that it is a master."""
    connection = kind(host=address[0], port=address[1], **options | {"socket_timeout": CONNECT_SECONDS})
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_command("ROLE")
        role = await connection.read_response()
    except (RedisError, OSError) as error:
        log.debug("%s:%d is not the master: %s", *address, type(error).__name__)
        return False
    finally:
        await connection.disconnect(nowait=True)
    return bool(role[0] in {"master", b"master"})
