"""The worker's loop: take messages while there is room, keep the queue in order, stop without losing any."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from redis.exceptions import RedisError

from backend_orchestrator.consumer import Consumer, Delivery
from optimus_kit.drain import Drain

log = logging.getLogger(__name__)

Handle = Callable[[Delivery], Awaitable[None]]


@dataclass(frozen=True)
class WorkerOptions:
    """How the loop runs.

    Attributes:
        concurrency: messages in hand at most, but for the reserve.
        claim_idle_ms: milliseconds without renewal after which an entry's worker is taken for dead.
        block_ms: milliseconds a read waits; also how soon delayed messages and a stop are noticed.
        pause: seconds before Redis is tried again.
    """

    concurrency: int = 8
    claim_idle_ms: int = 30_000
    block_ms: int = 500
    pause: float = 1.0

    @property
    def reserve(self) -> int:
        """Further messages in hand, of tenants with little in hand only: theirs need not wait until others' end."""
        return max(1, self.concurrency // 4)

    @property
    def slots(self) -> int:
        """Messages in hand at most."""
        return self.concurrency + self.reserve

    @property
    def upkeep_every(self) -> float:
        """Seconds between renewals: an entry in hand is renewed thrice before anyone may claim it."""
        return self.claim_idle_ms / 3000


class Worker:
    """Takes entries and hands each to `handle` in a task of its own.

    Args:
        consumer: the queue.
        handle: takes one entry to the end of one attempt.
        options: how.
        drain: told what is in hand; when it drains, nothing more is taken.
        beat: called after every round that reached Redis.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        handle: Handle,
        options: WorkerOptions,
        drain: Drain,
        *,
        beat: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._handle = handle
        self._options = options
        self._drain = drain
        self._beat = beat
        self._clock = clock
        self._in_hand: dict[asyncio.Task[None], str] = {}
        self._upkeep_at = 0.0
        self._joined = False

    async def run(self) -> None:
        """Work until the drain begins; what is in hand then goes on, see `finish`."""
        while not self._drain.draining:
            try:
                await self._round()
            except (RedisError, OSError) as error:
                log.warning("queue not reachable: %s; trying again", type(error).__name__)
                # Redis may come back without its group.
                self._joined = False
                self._upkeep_at = 0.0
                await asyncio.sleep(self._options.pause)
            else:
                self._drain.ready = True
                self._beat()

    async def finish(self, timeout: float) -> None:  # noqa: ASYNC109 - a budget over several steps, not one await's
        """Let what is in hand end within `timeout` seconds, then leave the group.

        What does not end in time is broken off and let go: another worker claims it.
        """
        ends_at = self._clock() + timeout
        await self._try(self._consumer.retire(), "slots not withdrawn")
        while self._in_hand and self._clock() < ends_at:
            await asyncio.wait(
                self._in_hand,
                timeout=min(self._options.upkeep_every, ends_at - self._clock()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            await self._try(self._consumer.renew(tuple(self._in_hand.values())), "entries in hand not renewed")
        left = tuple(self._in_hand.values())
        while self._in_hand:
            # More than once: redis-py loses a cancellation that comes while it connects.
            for task in self._in_hand:
                task.cancel()
            await asyncio.wait(self._in_hand, timeout=0.2)
        await self._try(self._consumer.let_go(left), "entries not let go")
        await self._try(self._consumer.leave(), "group not left")

    async def _round(self) -> None:
        if not self._joined:
            await self._consumer.join()
            self._joined = True
        await self._consumer.tick(self._options.slots, self._options.reserve)
        if self._clock() >= self._upkeep_at:
            self._upkeep_at = self._clock() + self._options.upkeep_every
            await self._upkeep()
        room = self._options.slots - len(self._in_hand)
        if room:
            self._start(await self._consumer.take(room, self._options.block_ms))
        else:
            await asyncio.wait(
                self._in_hand, timeout=self._options.block_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )

    async def _upkeep(self) -> None:
        """Renew what is in hand, take over from the dead, put right what does not fit, forget the long gone."""
        await self._consumer.renew(tuple(self._in_hand.values()))
        self._start(await self._consumer.mislaid(self._in_hand.values()))
        room = self._options.slots - len(self._in_hand)
        if room:
            self._start(await self._consumer.claim(room, self._options.claim_idle_ms))
        await self._consumer.recover()
        await self._consumer.forget_gone_consumers()

    async def _try(self, step: Awaitable[object], complaint: str) -> None:
        try:
            await step
        except (RedisError, OSError) as error:
            log.warning("%s: %s", complaint, type(error).__name__)

    def _start(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.entry in self._in_hand.values():
                # Claimed from ourselves after a pause of the whole process: it is being worked on.
                continue
            task = asyncio.create_task(self._guarded(delivery))
            self._in_hand[task] = delivery.entry
            self._drain.inflight = len(self._in_hand)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        self._drain.inflight = len(self._in_hand)

    async def _guarded(self, delivery: Delivery) -> None:
        """Handle one entry to its end; one that fails in an unforeseen way stays pending and is claimed later.

        While the queue is away it is tried again here: the sender's next messages wait behind it, and nobody else would
        take it before it is claimed.
        """
        try:
            while not await self._handled(delivery):  # noqa: ASYNC110 - the queue can't say that it is back
                await asyncio.sleep(self._options.pause)
        except Exception:
            log.exception("entry %s left pending", delivery.entry)

    async def _handled(self, delivery: Delivery) -> bool:
        try:
            await self._handle(delivery)
        except (RedisError, OSError) as error:
            log.warning("entry %s: %s; trying again", delivery.entry, type(error).__name__)
            return False
        return True
