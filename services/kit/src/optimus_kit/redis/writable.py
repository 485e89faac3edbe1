"""The health check of the state store: a write, since a store can answer and yet refuse writes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from optimus_kit.redis.durable import run_durably
from optimus_kit.redis.scripts import BoundScript, Script
from optimus_kit.settings import AT_ONCE, Durability

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "optimus:health:"
LIFE_MS = 10_000
WRITE = Script("#!lua flags=no-cluster\nreturn redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])")


def write_check(redis: "Redis", service: str, durability: Durability = AT_ONCE) -> Callable[[], Awaitable[object]]:
    """Make a check that writes a small key which soon expires, as the service itself writes: by a script.

    It fails where memory is short, the server is a replica, its disk is full, or too few replicas have the write.

    Args:
        redis: the store.
        service: whose key it is; all its replicas share one.
        durability: what is asked of the service's own writes.
    """
    script = BoundScript(redis, WRITE)
    return lambda: run_durably(script, [f"{PREFIX}{service}"], [LIFE_MS], durability)
