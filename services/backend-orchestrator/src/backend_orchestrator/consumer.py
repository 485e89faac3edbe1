"""The way out of the queue: one consumer of the group, and every change an attempt can end in."""

import random
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from backend_orchestrator import keys
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.scripts import Scripts
from optimus_kit.tracing import current_span

OUTBOX_LENGTH = 10_000
DEAD_LENGTH = 100_000
KEPT_BYTES = 48 << 20
_AT_ONCE = 200
_REGISTERED_SECONDS = 5
_LET_GO_IDLE_MS = 7 * 86_400_000
_FORGET_CONSUMER_AFTER_MS = 3_600_000

# What Redis answers with decoded; its client's own types say less.
_Entries = Sequence[tuple[str | None, Mapping[str, str] | None]]


@dataclass(frozen=True)
class Delivery:
    """One entry handed to this consumer; it stays this consumer's until acknowledged or claimed by another.

    Attributes:
        entry: id on the stream.
        fields: of the message.
        lane: of its sender; empty where the fields are no message.
        rank: its place in the lane.
        times: how often it was given to a worker.
        attempt: name of the attempt that this is; one that begins again, the queue having been away, counts once.
    """

    entry: str
    fields: Mapping[str, str]
    lane: str = ""
    rank: str = "0"
    times: int = 1
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex, compare=False)


@dataclass(frozen=True)
class Attempt:
    """A started attempt.

    Attributes:
        status: status before it; `answered` or `dead` mean that only the acknowledgement was missing, `lost` that the
            entry is another worker's by now.
        number: attempts so far, this one included, those of workers that died included.
        age: seconds since the message was queued first.
        reply: answer written by an attempt that ended before it was sent, or empty.
        earlier: traceparent of the attempt before; empty where there was none, or nothing was recorded.
    """

    status: str
    number: int
    age: float
    reply: str
    earlier: str = ""


class Consumer:
    """Takes turns as `name` in the group, and moves entries on. Every change is one atomic step (docs/queue.md).

    Args:
        redis: answers quickly; used for everything but waiting.
        reader: a client of its own for the blocking read, which holds its connection.
        name: unique among the workers.
        remember: seconds for which a message's state is kept.
        kept_bytes: what may be kept of one tenant's messages that have ended; its oldest go first.
        clock: wall clock in seconds; the workers' clocks agree to about a second.
    """

    def __init__(
        self,
        redis: Redis,
        reader: Redis,
        name: str,
        remember: int,
        clock: Callable[[], float] = time.time,
        kept_bytes: Callable[[], int] = lambda: KEPT_BYTES,
    ) -> None:
        self._redis = redis
        self._reader = reader
        self._scripts = Scripts(redis)
        self._name = name
        self._remember = remember
        self._clock = clock
        self._kept_bytes = kept_bytes

    async def join(self) -> None:
        """Make the group unless it is there; what waits without a lane (of an earlier version) gets one."""
        try:
            await self._redis.xgroup_create(keys.INBOUND, keys.GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            # Refused before Redis looks whether the group is there; it is made together with the stream.
            if not await self._redis.exists(keys.INBOUND):
                raise
        except ResponseError as error:
            # Redis has no other way of telling this than the code word that starts the reply.
            if not str(error).startswith("BUSYGROUP"):
                raise
        while await self._scripts.adopt_waiting(args=[_AT_ONCE]):
            continue

    async def retire(self) -> None:
        """Offer no more slots; what is in hand stays."""
        await self._redis.hdel(keys.WORKERS, self._name)

    async def leave(self) -> bool:
        """Go out of the group, unless something is still in hand; True if gone."""
        return bool(await self._scripts.leave(args=[self._name]))

    async def tick(self, slots: int, reserve: int) -> int:
        """Offer `slots`, `reserve` of them to tenants with little in hand, for some seconds, and have them filled.

        Returns how many lanes were put off and are due by now. Without it nothing is handed out.
        """
        now = f"{self._clock():.3f}"
        return int(await self._scripts.tick(args=[self._name, slots, reserve, _REGISTERED_SECONDS, now, _AT_ONCE]))

    async def recover(self) -> int:
        """Put right what does not fit the stream any more; how many lanes that were."""
        return int(await self._scripts.recover())

    async def take(self, count: int, block_ms: int | None = None) -> list[Delivery]:
        """Up to `count` entries handed out, waiting up to `block_ms` for the first if given."""
        answer = await self._reader.xreadgroup(keys.GROUP, self._name, {keys.INBOUND: ">"}, count=count, block=block_ms)
        streams = cast("list[tuple[str, _Entries]]", answer or [])
        return [delivery for _, entries in streams for delivery in await self._in_lanes(_deliveries(entries))]

    async def claim(self, count: int, idle_ms: int) -> list[Delivery]:
        """Up to `count` entries that their consumer has not renewed for `idle_ms`: it is dead."""
        answer = await self._redis.xautoclaim(
            keys.INBOUND, keys.GROUP, self._name, min_idle_time=idle_ms, start_id="0-0", count=count
        )
        claimed = await self._in_lanes(_deliveries(cast("_Entries", answer[1])))
        return [await self._counted(delivery) for delivery in claimed]

    async def _in_lanes(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those of lanes, and those that are no messages; what knows no lane is put into one, and will come back."""
        return [delivery for delivery in deliveries if delivery.lane or not await self._adopted(delivery)]

    async def _adopted(self, delivery: Delivery) -> bool:
        return int(await self._scripts.adopt(args=[delivery.entry, *_flat(delivery.fields)])) >= 0

    async def _counted(self, delivery: Delivery) -> Delivery:
        found = await self._redis.xpending_range(keys.INBOUND, keys.GROUP, delivery.entry, delivery.entry, 1)
        return replace(delivery, times=int(found[0]["times_delivered"])) if found else delivery

    async def renew(self, entries: Sequence[str]) -> int:
        """Say that `entries` are still in hand; how many of them still were this consumer's."""
        return await self._set_idle(entries, 0)

    async def let_go(self, entries: Sequence[str]) -> int:
        """Say that nobody works on `entries` any more: the next worker that looks claims them."""
        return await self._set_idle(entries, _LET_GO_IDLE_MS)

    async def _set_idle(self, entries: Sequence[str], idle_ms: int) -> int:
        if not entries:
            return 0
        return int(await self._scripts.renew(args=[self._name, idle_ms, *entries]))

    async def mislaid(self, in_hand: Collection[str]) -> list[Delivery]:
        """Entries that are this consumer's and not `in_hand`: what a read was given that did not come back."""
        found = await self._redis.xpending_range(keys.INBOUND, keys.GROUP, "-", "+", _AT_ONCE, self._name)
        lost = [str(entry["message_id"]) for entry in found if entry["message_id"] not in in_hand]
        ranges = [await self._redis.xrange(keys.INBOUND, entry, entry) for entry in lost]
        return [
            delivery for entries in ranges for delivery in await self._in_lanes(_deliveries(cast("_Entries", entries)))
        ]

    async def begin(self, delivery: Delivery, message: InboundMessage) -> Attempt:
        """Count an attempt at `message`, before anything is done for it."""
        now = self._clock()
        span = current_span()
        traceparent = span.context.traceparent if span.recording else ""
        status, number, queued_at, reply, earlier = await self._scripts.begin(
            keys=[keys.state(message.tenant, message.message_id)],
            args=[self._remember, f"{now:.3f}", delivery.attempt, self._name, delivery.entry, traceparent],
        )
        return Attempt(str(status), int(number), max(0.0, now - float(queued_at)), str(reply), str(earlier))

    async def keep_reply(self, delivery: Delivery, message: InboundMessage, reply: str) -> bool:
        """Keep the answer before it is sent; False where the entry is another worker's by now, which sends it."""
        kept = await self._scripts.keep(
            keys=[keys.state(message.tenant, message.message_id)], args=[self._name, delivery.entry, reply]
        )
        return bool(kept)

    async def finish(self, delivery: Delivery, message: InboundMessage, reply: str, *, to_outbox: bool) -> bool:
        """Answered: state, outbox, count, acknowledgement, next of the lane. True the first time for this message."""
        out = {"message_id": message.message_id, "to": message.sender, "channel": message.channel, "text": reply}
        bounds = (self._kept_bytes(), OUTBOX_LENGTH if to_outbox else 0)
        first = await self._scripts.finish(
            keys=[
                keys.state(message.tenant, message.message_id),
                keys.counts(message.tenant),
                keys.outbox(message.tenant),
            ],
            args=[delivery.entry, delivery.lane, delivery.rank, self._remember, reply, *bounds, *_flat(out)],
        )
        return bool(first)

    async def drop(self, delivery: Delivery) -> None:
        """Acknowledge an entry whose message was answered or given up before."""
        await self._scripts.drop(args=[delivery.entry, delivery.lane, delivery.rank])

    async def delay(self, delivery: Delivery, message: InboundMessage, seconds: float, *, counts: bool) -> bool:
        """Hand it out again in `seconds`, its sender's next ones later; an attempt that doesn't count is given back."""
        moved = await self._scripts.delay(
            keys=[keys.state(message.tenant, message.message_id)],
            args=[delivery.entry, delivery.lane, f"{self._clock() + seconds:.3f}", 0 if counts else -1],
        )
        return bool(moved)

    async def bury(self, delivery: Delivery, message: InboundMessage | None, reason: str) -> bool:
        """To the dead letters with `reason`; `message` is None where the entry is none."""
        state = keys.state(message.tenant, message.message_id) if message else ""
        bounds = (DEAD_LENGTH, self._remember, self._kept_bytes())
        buried = await self._scripts.bury(
            keys=[keys.DEAD, state],
            args=[delivery.entry, delivery.lane, delivery.rank, *bounds, reason, *_flat(delivery.fields)],
        )
        return bool(buried)

    async def forget_gone_consumers(self) -> int:
        """Remove consumers of the group that are long gone and hold nothing; how many."""
        removed = 0
        for consumer in await self._redis.xinfo_consumers(keys.INBOUND, keys.GROUP):
            if consumer["name"] != self._name and int(consumer["idle"]) > _FORGET_CONSUMER_AFTER_MS:
                removed += int(await self._scripts.leave(args=[consumer["name"]]))
        return removed


def consumer_name(hostname: str, suffix: Callable[[], int] = lambda: random.SystemRandom().randrange(16**6)) -> str:
    """A name for one run of a worker: where it runs, and what tells it from another on the same host."""
    return f"{hostname}-{suffix():06x}"


def _deliveries(entries: _Entries) -> list[Delivery]:
    # Redis before 7 reports claimed entries that were deleted meanwhile as pairs of nothing.
    return [_delivery(entry, dict(fields or {})) for entry, fields in entries if entry is not None]


def _delivery(entry: str, fields: dict[str, str]) -> Delivery:
    return Delivery(entry, fields, lane=fields.pop("lane", ""), rank=fields.pop("rank", "0"))


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [text for pair in fields.items() for text in pair]
