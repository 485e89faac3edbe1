"""What waits in the queue, by tenant: how much, and for how long."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from prometheus_client import CollectorRegistry, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend_orchestrator import keys

_LOOK_SECONDS = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """A tenant's part of the queue.

    Attributes:
        messages: not answered and not given up yet, those in hand included.
        in_hand: handed out to workers.
        oldest_at: when the oldest of them was queued (seconds since the epoch).
    """

    messages: int
    in_hand: int
    oldest_at: float

    def age(self, now: float) -> float:
        """Seconds since the oldest was queued."""
        return max(0.0, now - self.oldest_at)

    def document(self, now: float) -> dict[str, float]:
        """As the dashboard is told."""
        return {"messages": self.messages, "in_hand": self.in_hand, "oldest_age": round(self.age(now), 3)}


async def waiting(redis: Redis) -> Mapping[str, Waiting]:
    """The tenants that have messages in the queue, by name.

    Raises:
        redis.exceptions.RedisError: it cannot be seen.
    """
    # The client decodes.
    counted = cast("Mapping[str, str]", await redis.hgetall(keys.COUNT))
    held = cast("Mapping[str, str]", await redis.hgetall(keys.HELD))
    names = sorted(name for name in counted if name != keys.ALL)
    async with redis.pipeline(transaction=False) as steps:
        for name in names:
            steps.zrange(keys.OLDEST + name, 0, 0, withscores=True)
        oldest = await steps.execute()
    return {
        # Tenths of a second: less would be told anew each time for nothing.
        name: Waiting(int(counted[name]), int(held.get(name, 0)), round(first[0][1] / 1e6, 1))
        for name, first in zip(names, oldest, strict=True)
        if first
    }


class WaitingGauges:
    """The same as metrics; a tenant of which nothing waits any more is told as 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, documentation: str) -> Gauge:
            return Gauge(name, documentation, ("tenant",), registry=registry, multiprocess_mode="mostrecent")

        self._age = gauge("optimus_queue_oldest_message_age_seconds", "Age of the tenant's oldest message in the queue")
        self._messages = gauge("optimus_queue_messages", "Messages of the tenant that wait or are in hand")
        self._told: set[str] = set()

    def tell(self, found: Mapping[str, Waiting], now: float) -> None:
        """Set the gauges."""
        self._told |= found.keys()
        for name in self._told:
            there = found.get(name)
            self._age.labels(name).set(there.age(now) if there else 0)
            self._messages.labels(name).set(there.messages if there else 0)

    async def keep_telling(self, redis: Redis, clock: Callable[[], float]) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            try:
                self.tell(await waiting(redis), clock())
            except (RedisError, OSError) as error:
                log.warning("queue not seen: %s", type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)
