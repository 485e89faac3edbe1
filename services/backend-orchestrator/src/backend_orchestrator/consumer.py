"""The way out of the queue: one consumer of the group, and every change an attempt can end in."""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backend_orchestrator import keys
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.scripts import Scripts

OUTBOX_LENGTH = 10_000
DEAD_LENGTH = 10_000
_RELEASE_AT_ONCE = 100
_FORGET_CONSUMER_AFTER_MS = 3_600_000

# What Redis answers with decoded; its client's own types say less.
_Entries = Sequence[tuple[str | None, Mapping[str, str] | None]]


@dataclass(frozen=True)
class Delivery:
    """One entry handed to this consumer; it stays this consumer's until acknowledged or claimed by another."""

    entry: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Attempt:
    """A started attempt.

    Attributes:
        status: status before it; `answered` or `dead` mean that only the acknowledgement was missing.
        number: attempts so far, this one included, those of workers that died included.
        age: seconds since the message was queued first.
        reply: answer written by an attempt that ended before it was sent, or empty.
    """

    status: str
    number: int
    age: float
    reply: str


class Consumer:
    """Reads the inbound stream as `name` in the group, and moves entries on. Every change is one atomic step.

    Args:
        redis: answers quickly; used for everything but waiting.
        reader: a client of its own for the blocking read, which holds its connection.
        name: unique among the workers.
        remember: seconds for which a message's state is kept.
        clock: wall clock in seconds; the workers' clocks agree to about a second.
    """

    def __init__(
        self, redis: Redis, reader: Redis, name: str, remember: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._reader = reader
        self._scripts = Scripts(redis)
        self._name = name
        self._remember = remember
        self._clock = clock

    async def join(self) -> None:
        """Make the group unless it is there; it starts with the oldest message."""
        try:
            await self._redis.xgroup_create(keys.INBOUND, keys.GROUP, id="0", mkstream=True)
        except ResponseError as error:
            # Redis has no other way of telling this than the code word that starts the reply.
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def leave(self) -> bool:
        """Go out of the group, unless something is still in hand; True if gone."""
        return bool(await self._scripts.leave(keys=[keys.INBOUND], args=[keys.GROUP, self._name]))

    async def take(self, count: int, block_ms: int) -> list[Delivery]:
        """Up to `count` new entries, waiting up to `block_ms` for the first."""
        answer = await self._reader.xreadgroup(keys.GROUP, self._name, {keys.INBOUND: ">"}, count=count, block=block_ms)
        streams = cast("list[tuple[str, _Entries]]", answer or [])
        return [delivery for _, entries in streams for delivery in _deliveries(entries)]

    async def claim(self, count: int, idle_ms: int) -> list[Delivery]:
        """Up to `count` entries that their consumer has not renewed for `idle_ms`: it is dead."""
        answer = await self._redis.xautoclaim(
            keys.INBOUND, keys.GROUP, self._name, min_idle_time=idle_ms, start_id="0-0", count=count
        )
        return _deliveries(cast("_Entries", answer[1]))

    async def renew(self, entries: Sequence[str]) -> int:
        """Say that `entries` are still in hand; how many of them still were this consumer's."""
        if not entries:
            return 0
        return int(await self._scripts.renew(keys=[keys.INBOUND], args=[keys.GROUP, self._name, *entries]))

    async def begin(self, message: InboundMessage) -> Attempt:
        """Count an attempt at `message`, before anything is done for it."""
        now = self._clock()
        status, number, queued_at, reply = await self._scripts.begin(
            keys=[keys.state(message.tenant, message.message_id)],
            args=[self._remember, f"{now:.3f}", uuid.uuid4().hex],
        )
        return Attempt(str(status), int(number), max(0.0, now - float(queued_at)), str(reply))

    async def keep_reply(self, message: InboundMessage, reply: str) -> None:
        """Keep the answer before it is sent, so that a later attempt sends the same and asks nobody again."""
        await self._redis.hset(keys.state(message.tenant, message.message_id), "reply", reply)

    async def finish(self, delivery: Delivery, message: InboundMessage, reply: str, *, to_outbox: bool) -> bool:
        """Answered: state, outbox, count and acknowledgement at once. True the first time for this message."""
        out = {"message_id": message.message_id, "to": message.sender, "channel": message.channel, "text": reply}
        first = await self._scripts.finish(
            keys=[
                keys.state(message.tenant, message.message_id),
                keys.INBOUND,
                keys.counts(message.tenant),
                keys.outbox(message.tenant),
            ],
            args=[keys.GROUP, delivery.entry, self._remember, reply, OUTBOX_LENGTH if to_outbox else 0, *_flat(out)],
        )
        return bool(first)

    async def drop(self, delivery: Delivery) -> None:
        """Acknowledge an entry whose message was answered or given up before."""
        async with self._redis.pipeline(transaction=True) as steps:
            steps.xack(keys.INBOUND, keys.GROUP, delivery.entry)
            steps.xdel(keys.INBOUND, delivery.entry)
            await steps.execute()

    async def delay(self, delivery: Delivery, message: InboundMessage, seconds: float, *, counts: bool) -> bool:
        """Queue it again in `seconds`; unless it `counts`, the attempt is given back."""
        moved = await self._scripts.delay(
            keys=[keys.INBOUND, keys.DELAYED, keys.state(message.tenant, message.message_id)],
            args=[
                keys.GROUP,
                delivery.entry,
                f"{self._clock() + seconds:.3f}",
                0 if counts else -1,
                json.dumps(message.encode()),
            ],
        )
        return bool(moved)

    async def release(self) -> int:
        """Put delayed messages that are due back on the stream; how many."""
        return int(
            await self._scripts.release(
                keys=[keys.DELAYED, keys.INBOUND], args=[f"{self._clock():.3f}", _RELEASE_AT_ONCE]
            )
        )

    async def bury(self, delivery: Delivery, message: InboundMessage | None, reason: str) -> bool:
        """To the dead letters with `reason`; `message` is None where the entry is none."""
        state = keys.state(message.tenant, message.message_id) if message else ""
        buried = await self._scripts.bury(
            keys=[keys.INBOUND, keys.DEAD, state],
            args=[keys.GROUP, delivery.entry, DEAD_LENGTH, self._remember, reason, *_flat(delivery.fields)],
        )
        return bool(buried)

    async def forget_gone_consumers(self) -> int:
        """Remove consumers of the group that are long gone and hold nothing; how many."""
        removed = 0
        for consumer in await self._redis.xinfo_consumers(keys.INBOUND, keys.GROUP):
            if consumer["name"] != self._name and int(consumer["idle"]) > _FORGET_CONSUMER_AFTER_MS:
                args = [keys.GROUP, consumer["name"]]
                removed += int(await self._scripts.leave(keys=[keys.INBOUND], args=args))
        return removed


def consumer_name(hostname: str, suffix: Callable[[], int] = lambda: random.SystemRandom().randrange(16**6)) -> str:
    """A name for one run of a worker: where it runs, and what tells it from another on the same host."""
    return f"{hostname}-{suffix():06x}"


def _deliveries(entries: _Entries) -> list[Delivery]:
    # Redis before 7 reports claimed entries that were deleted meanwhile as pairs of nothing.
    return [Delivery(entry, fields or {}) for entry, fields in entries if entry is not None]


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [text for pair in fields.items() for text in pair]
