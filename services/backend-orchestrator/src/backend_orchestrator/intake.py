"""The way in: a message is queued once, durably, or refused."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.scripts import Scripts
from optimus_kit.redis import run_durably
from optimus_kit.settings import AT_ONCE, Durability


class QueueFullError(Exception):
    """The queue takes no more messages for now; what was sent should be sent again later."""


@dataclass(frozen=True)
class IntakeLimits:
    """Bounds of the way in.

    Attributes:
        remember: seconds for which an id is known and its state can be asked for (Meta repeats calls for 7 days).
        queue_length: messages waiting at most.
    """

    remember: int = 7 * 86_400
    queue_length: int = 100_000


@dataclass(frozen=True)
class Accepted:
    """What became of a message handed in: its status, and whether it was known already."""

    status: str
    duplicate: bool


class Intake:
    """Queues messages, each id of a tenant once, and tells what became of them.

    Args:
        redis: the state store.
        limits: bounds.
        durability: when a message counts as queued.
        clock: wall clock in seconds.
    """

    def __init__(
        self,
        redis: Redis,
        limits: IntakeLimits,
        durability: Durability = AT_ONCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._limits = limits
        self._durability = durability
        self._clock = clock

    async def put(self, message: InboundMessage) -> Accepted:
        """Queue `message`, durably by the time this returns.

        Raises:
            QueueFullError: as many messages wait as may.
            redis.exceptions.RedisError: Redis did not take it, or might lose it: handed in again, it is queued once.
        """
        fields = [text for pair in message.encode().items() for text in pair]
        code, status = await run_durably(
            self._scripts.enqueue,
            keys=[keys.state(message.tenant, message.message_id), keys.INBOUND, keys.counts(message.tenant)],
            args=[self._limits.remember, self._limits.queue_length, f"{self._clock():.3f}", *fields],
            durability=self._durability,
        )
        if int(code) < 0:
            raise QueueFullError("the queue is full")
        return Accepted(status=str(status), duplicate=int(code) == 0)

    async def state(self, tenant: str, message_id: str) -> Mapping[str, str] | None:
        """The fields `status`, `attempts`, `reply`, `reason` of a message as far as set; None if the id is unknown."""
        found = await self._redis.hgetall(keys.state(tenant, message_id))
        return {str(name): str(value) for name, value in found.items()} or None
