"""What waits in the queue, by tenant: how much, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from backend_orchestrator import keys


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
