"""Whose turn it is: tenants and senders in the queue, counted in turns."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.consumer import Consumer, Delivery
from backend_orchestrator.intake import Intake, IntakeLimits
from backend_orchestrator.messages import InboundMessage, decode
from backend_orchestrator.waiting import waiting
from optimus_kit.tenancy import Tenant

SLOTS, RESERVE = 5, 1
SERVICE_TURNS = 3


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """A worker by hand: what it has, and for how many turns yet."""

    consumer: Consumer
    in_hand: dict[str, tuple[Delivery, int]] = field(default_factory=dict)

    async def turn(self) -> list[InboundMessage]:
        """End what has had its turns, then take as much as there is room for; what was taken."""
        for entry, (delivery, left) in list(self.in_hand.items()):
            if left > 1:
                self.in_hand[entry] = (delivery, left - 1)
                continue
            del self.in_hand[entry]
            await self.consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
        await self.consumer.tick(SLOTS, RESERVE)
        room = SLOTS - len(self.in_hand)
        taken = await self.consumer.take(room) if room else []
        self.in_hand |= {delivery.entry: (delivery, SERVICE_TURNS) for delivery in taken}
        return [decode(delivery.fields) for delivery in taken]


@dataclass
class Queue:
    redis: Redis
    clock: Clock = field(default_factory=Clock)

    def consumer(self, name: str) -> Consumer:
        return Consumer(self.redis, self.redis, name, 3600, self.clock)

    async def desks(self, *names: str) -> list[Desk]:
        desks = [Desk(self.consumer(name)) for name in names]
        for desk in desks:
            await desk.consumer.join()
            await desk.consumer.tick(SLOTS, RESERVE)
        return desks

    async def put(self, tenant: str, sender: str, number: object = 1) -> None:
        message = InboundMessage(tenant, f"{sender}.{number}", "api", sender, str(number))
        await Intake(self.redis, IntakeLimits(), clock=self.clock).put(message, Tenant(tenant, tenant))


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue(redis)


async def turns_until_taken(queue: Queue, desks: Iterable[Desk], sender: str) -> int:
    """Turns that the message of `sender` waits after the one in which it was put."""
    await queue.put("quiet", sender)
    for turn in range(100):
        taken = [message.sender for desk in desks for message in await desk.turn()]
        if sender in taken:
            return turn
    raise AssertionError("never taken")


async def test_under_ten_times_the_load_a_quiet_tenant_waits_no_longer_than_alone(queue: Queue) -> None:
    desks = await queue.desks("one", "two")
    alone = SERVICE_TURNS + await turns_until_taken(queue, desks, "alone")
    per_turn = 10 * (SLOTS - RESERVE) * len(desks) // SERVICE_TURNS
    for sender in range(100):
        await queue.put("noisy", f"n{sender}")
    for desk in desks * SERVICE_TURNS:
        await desk.turn()
    # Fairness costs no throughput: all that a worker has without the reserve.
    assert sum(len(desk.in_hand) for desk in desks) == (SLOTS - RESERVE) * len(desks)
    under_load = []
    for number in range(12):
        for sender in range(per_turn):
            await queue.put("noisy", f"n{number}-{sender}")
        under_load.append(SERVICE_TURNS + await turns_until_taken(queue, desks, f"q{number}"))
    assert max(under_load) <= 1.5 * alone


async def test_of_many_busy_tenants_the_one_with_nothing_in_hand_is_next(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    for tenant in range(20):
        for sender in range(5):
            await queue.put(f"noisy-{tenant}", f"s{tenant}-{sender}")
    await desk.turn()
    assert len(desk.in_hand) == SLOTS
    await queue.put("quiet", "ana")
    ended: list[Delivery] = []
    for _ in range(SLOTS * 21):
        entry, (delivery, _) = next(iter(desk.in_hand.items()))
        del desk.in_hand[entry]
        await desk.consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
        ended.append(delivery)
        taken = await desk.consumer.take(1)
        desk.in_hand |= {delivery.entry: (delivery, 1) for delivery in taken}
        if any(delivery.fields["tenant"] == "quiet" for delivery in taken):
            break
    # Eighteen others have had no turn yet and wait longer than it does; none of the twenty has a second one before it.
    assert len(ended) <= 19


async def test_busy_tenants_share_the_slots_however_long_their_messages_take(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    for sender in range(50):
        await queue.put("slow", f"s{sender}")
        await queue.put("fast", f"f{sender}")
    held: Counter[str] = Counter()
    for _ in range(20):
        await desk.consumer.tick(SLOTS, RESERVE)
        room = SLOTS - len(desk.in_hand)
        taken = await desk.consumer.take(room) if room else []
        desk.in_hand |= {delivery.entry: (delivery, 1) for delivery in taken}
        held += Counter(delivery.fields["tenant"] for delivery, _ in desk.in_hand.values())
        for delivery, _ in list(desk.in_hand.values()):
            if delivery.fields["tenant"] == "fast":
                del desk.in_hand[delivery.entry]
                await desk.consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
    assert held["slow"] == held["fast"]


async def test_a_senders_many_messages_keep_back_no_other_sender_of_the_tenant(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    for number in range(20):
        await queue.put("acme", "ana", number)
    await queue.put("acme", "bob")
    assert {message.sender for message in await desk.turn()} == {"ana", "bob"}


async def test_a_retry_is_overtaken_by_nothing_of_its_sender(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    await queue.put("acme", "ana", 1)
    await queue.put("acme", "ana", 2)
    (delivery,) = await desk.consumer.take(5)
    await desk.consumer.delay(delivery, decode(delivery.fields), 60, counts=True)
    assert await desk.turn() == []
    queue.clock.now += 60
    assert [message.text for message in await desk.turn()] == ["1"]


async def test_after_a_dead_letter_the_sender_goes_on(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    await queue.put("acme", "ana", 1)
    await queue.put("acme", "ana", 2)
    (delivery,) = await desk.consumer.take(5)
    await desk.consumer.bury(delivery, decode(delivery.fields), "poison")
    assert [message.text for message in await desk.turn()] == ["2"]


async def test_what_a_dead_worker_had_in_hand_keeps_its_senders_order_and_nobodys_slots(queue: Queue) -> None:
    desk, dead = await queue.desks("one", "dead")
    for sender in range(20):
        await queue.put("acme", f"s{sender}", 1)
    await queue.put("acme", "s0", 2)
    assert len(await dead.consumer.take(SLOTS)) == SLOTS
    await queue.redis.hdel(keys.WORKERS, "dead")
    # Others' messages go on at once; the sender's next one waits until its first was claimed and answered.
    texts = [message.text for _ in range(30) for message in await desk.turn()]
    assert "2" not in texts
    assert len(texts) == 15
    for delivery in await desk.consumer.claim(10, 0):
        await desk.consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
    assert [message.text for message in await desk.turn()] == ["2"]


async def test_slots_of_a_worker_that_has_just_died_put_nobody_behind_what_was_handed_out_for_it(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    await queue.consumer("dead").tick(500, 1)
    for sender in range(100):
        await queue.put("noisy", f"n{sender}")
    await queue.put("quiet", "ana")
    taken = [message.tenant for _ in range(SERVICE_TURNS * 3) for message in await desk.turn()]
    assert "quiet" in taken


async def test_an_entry_that_vanished_is_handed_out_again(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    await queue.put("acme", "ana", 1)
    await queue.put("acme", "ana", 2)
    (delivery,) = await desk.consumer.take(5)
    await queue.redis.xack(keys.INBOUND, keys.GROUP, delivery.entry)
    await queue.redis.xdel(keys.INBOUND, delivery.entry)
    assert await desk.consumer.recover() == 1
    assert [message.text for message in await desk.turn()] == ["1"]


async def test_the_age_of_each_tenants_oldest_message_is_known(queue: Queue) -> None:
    (desk,) = await queue.desks("one")
    await queue.put("acme", "ana", 1)
    queue.clock.now += 30
    await queue.put("acme", "bob")
    await queue.put("globex", "eve")
    found = await waiting(queue.redis)
    assert found["acme"].age(queue.clock.now) == 30
    assert found["globex"].age(queue.clock.now) == 0
    assert (found["acme"].messages, found["acme"].in_hand) == (2, 2)
    await desk.turn()
    for _ in range(SERVICE_TURNS):
        await desk.turn()
    assert await waiting(queue.redis) == {}


OLD = {"tenant": "acme", "channel": "api", "recipient": "", "request_id": ""}


async def test_what_an_earlier_version_queued_is_answered_in_order(queue: Queue) -> None:
    # As that version wrote it: undelivered, in the hands of one of its workers, and put off.
    old = [OLD | {"message_id": f"m{number}", "sender": "ana", "text": str(number)} for number in range(4)]
    await queue.redis.xgroup_create(keys.INBOUND, keys.GROUP, id="0", mkstream=True)
    for fields in old[:3]:
        await queue.redis.xadd(keys.INBOUND, dict(fields))  # type: ignore[arg-type]
    await queue.redis.xreadgroup(keys.GROUP, "old-worker", {keys.INBOUND: ">"}, count=1)
    await queue.redis.hset(keys.state("acme", "m3"), mapping={"status": "queued", "queued_at": "9999999999"})
    put_off = InboundMessage(message_id="m3", sender="ana", text="3", **OLD)  # type: ignore[arg-type]
    await queue.redis.zadd(keys.DELAYED, {put_off.payload(): queue.clock.now})
    (desk,) = await queue.desks("one")
    await desk.consumer.claim(5, 0)
    texts = [message.text for _ in range(SERVICE_TURNS * 5) for message in await desk.turn()]
    # The first is taken over from its worker when that is dead, and goes before what waits.
    assert texts == ["1", "0", "2", "3"]
    assert await queue.redis.xlen(keys.INBOUND) == await queue.redis.zcard(keys.DELAYED) == 0


async def test_before_a_worker_knows_lanes_messages_go_where_earlier_workers_look(queue: Queue) -> None:
    await queue.put("acme", "ana")
    ((_, fields),) = cast("list[tuple[str, dict[str, str]]]", await queue.redis.xrange(keys.INBOUND))
    assert decode(fields).sender == "ana"
    assert "lane" not in fields


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.sampled_from("xyz")),
        st.tuples(st.sampled_from(["take", "claim", "tick"]), st.sampled_from([0, 1]), st.none()),
        st.tuples(st.sampled_from(["finish", "delay", "bury", "die"]), st.sampled_from([0, 1]), st.integers(0, 9)),
        st.tuples(st.sampled_from(["vanish", "recover", "later"]), st.none(), st.none()),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_each_message_ends_once_and_in_its_senders_order(
    redis_url: str, history: list[tuple[str, object, object]]
) -> None:
    asyncio.run(_live(redis_url, history))


async def _live(redis_url: str, history: list[tuple[str, object, object]]) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        await redis.flushall()
        story = Story(Queue(redis))
        await story.begin()
        for step, one, two in history:
            await story.step(step, one, two)
            await story.check()
        await story.end()


@dataclass
class Story:
    """Two workers, of which anything may become, and what was put and what has ended, by sender."""

    queue: Queue
    workers: list[Consumer] = field(default_factory=list)
    hands: list[list[Delivery]] = field(default_factory=lambda: [[], []])
    put: dict[str, list[str]] = field(default_factory=dict)
    ended: dict[str, list[str]] = field(default_factory=dict)

    async def begin(self) -> None:
        self.workers = [desk.consumer for desk in await self.queue.desks("one", "two")]

    async def step(self, step: str, one: object, two: object) -> None:
        if step == "put":
            lane, number = f"{one}-{two}", sum(map(len, self.put.values()))
            await self.queue.put(str(one), lane, number)
            self.put.setdefault(lane, []).append(str(number))
        elif step == "later":
            self.queue.clock.now += 10
        elif step == "recover":
            await self.workers[0].recover()
        elif step == "vanish":
            # As if somebody deleted entries by hand.
            for entry in cast("list[tuple[str, object]]", await self.queue.redis.xrange(keys.INBOUND, count=1)):
                await self.queue.redis.xack(keys.INBOUND, keys.GROUP, entry[0])
                await self.queue.redis.xdel(keys.INBOUND, entry[0])
        else:
            await self._work(step, int(str(one)), two)

    async def _work(self, step: str, number: int, which: object) -> None:
        worker, hand = self.workers[number], self.hands[number]
        if step == "take":
            hand += await worker.take(2)
        elif step == "claim":
            hand += await worker.claim(2, 0)
        elif step == "tick":
            await worker.tick(SLOTS, RESERVE)
        elif hand:
            delivery = hand.pop(int(str(which)) % len(hand))
            if step != "die":
                await self._attempt(worker, delivery, step)

    async def _attempt(self, worker: Consumer, delivery: Delivery, step: str) -> None:
        message = decode(delivery.fields)
        attempt = await worker.begin(delivery, message)
        if attempt.status == "lost":
            return
        if attempt.status in {"answered", "dead"}:
            await worker.drop(delivery)
        elif step == "delay":
            await worker.delay(delivery, message, 5, counts=False)
        elif step == "bury":
            await worker.bury(delivery, message, "no")
            self.ended.setdefault(message.sender, []).append(message.text)
        else:
            await worker.finish(delivery, message, "hi", to_outbox=False)
            self.ended.setdefault(message.sender, []).append(message.text)

    async def check(self) -> None:
        for sender, texts in self.ended.items():
            assert texts == self.put[sender][: len(texts)]

    async def end(self) -> None:
        """Let all that was put end."""
        worker = self.workers[0]
        for _ in range(20 + sum(map(len, self.put.values()))):
            self.queue.clock.now += 10
            await worker.recover()
            await worker.tick(SLOTS, RESERVE)
            for delivery in [*await worker.claim(50, 0), *await worker.take(50)]:
                await self._attempt(worker, delivery, "finish")
        await self.check()
        assert self.ended == self.put
        found = cast("list[str]", await self.queue.redis.keys("optimus:queue:*"))
        left = {key for key in found if not key.startswith("optimus:queue:kept")}
        kept = {keys.INBOUND, keys.DEAD, keys.TURN, keys.SERVED, keys.LANES, keys.WORKERS, keys.COUNT}
        assert left <= kept
        assert await self.queue.redis.hgetall(keys.COUNT) in ({}, {keys.ALL: "0"})
        assert await self.queue.redis.xlen(keys.INBOUND) == 0
