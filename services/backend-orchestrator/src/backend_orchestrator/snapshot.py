"""What the dashboard shows: one picture of replicas, queue and tenants, taken from Redis."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.queue_figures import queue_state
from backend_orchestrator.waiting import Waiting, waiting
from optimus_kit.presence import replicas

COUNTED = ("requests", "rejected", "messages_in", "messages_out", "tokens")
# Changes with every renewal of the presence and says nothing.
_NOT_SHOWN = frozenset({"seen_at"})


@dataclass(frozen=True)
class Queue:
    """Messages waiting (`depth`, those put off included), in hand (`pending`) and given up (`dead`)."""

    depth: int
    pending: int
    dead: int


@dataclass(frozen=True)
class Snapshot:
    """The picture; two that are equal look the same. `waiting` has the tenants that have messages in the queue."""

    replicas: tuple[Mapping[str, object], ...]
    queue: Queue
    tenants: Mapping[str, Mapping[str, int]]
    waiting: Mapping[str, Waiting] = field(default_factory=dict)

    def document(self, at: float) -> dict[str, object]:
        """As it is sent; `at` is the time in seconds since the epoch."""
        return {
            "type": "snapshot",
            "at": at,
            "replicas": [dict(replica) for replica in self.replicas],
            "services": services(self.replicas),
            "queue": {"depth": self.queue.depth, "pending": self.queue.pending, "dead": self.queue.dead},
            "tenants": {name: dict(counts) for name, counts in self.tenants.items()},
            "waiting": {name: waiting.document(at) for name, waiting in self.waiting.items()},
        }


def services(found: Iterable[Mapping[str, object]]) -> dict[str, dict[str, int]]:
    """Replicas in all and ready ones, by service."""
    summary: dict[str, dict[str, int]] = {}
    for replica in found:
        entry = summary.setdefault(str(replica["service"]), {"replicas": 0, "ready": 0})
        entry["replicas"] += 1
        entry["ready"] += bool(replica["ready"])
    return summary


class Observer(Protocol):
    """Takes pictures."""

    async def take(self) -> Snapshot:
        """The state now.

        Raises:
            RedisError: it cannot be seen.
        """


class RedisObserver:
    """Takes pictures from Redis.

    Args:
        redis: the state store.
        tenants: names of those to show.
    """

    def __init__(self, redis: Redis, tenants: Callable[[], Iterable[str]]) -> None:
        self._redis = redis
        self._tenants = tenants

    async def take(self) -> Snapshot:
        """As `Observer` says."""
        names = tuple(self._tenants())
        found = await replicas(self._redis)
        async with self._redis.pipeline(transaction=False) as steps:
            for name in names:
                steps.hmget(keys.counts(name), list(COUNTED))
            counts = await steps.execute()
        queue = await queue_state(self._redis)
        return Snapshot(
            replicas=tuple({name: replica[name] for name in replica.keys() - _NOT_SHOWN} for replica in found),
            queue=Queue(depth=max(0, queue.unfinished - queue.in_hand), pending=queue.in_hand, dead=queue.dead),
            tenants={name: _counts(values) for name, values in zip(names, counts, strict=True)},
            waiting=await waiting(self._redis),
        )


def _counts(values: Iterable[str | None]) -> dict[str, int]:
    return {name: int(value or 0) for name, value in zip(COUNTED, values, strict=True)}


def now() -> float:
    """Seconds since the epoch, to the millisecond."""
    return round(time.time(), 3)
