from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.consumer import Consumer, Delivery
from backend_orchestrator.erp import ErpUnavailableError, Record
from backend_orchestrator.handling import Handler
from backend_orchestrator.intake import Intake, IntakeLimits
from backend_orchestrator.messages import Channel, InboundMessage, decode
from backend_orchestrator.retry import AttemptError, PermanentError, RetryPolicy, ThrottledError, TransientError
from optimus_kit.tenancy import Tenant

POLICY = RetryPolicy(max_attempts=3, base_delay=1.0)


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedAnswerer:
    failures: list[AttemptError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def answer(self, message: InboundMessage, facts: str) -> str:
        self.asked.append(facts)
        if self.failures:
            raise self.failures.pop(0)
        return f"re: {message.text}"


@dataclass
class RecordingChannel:
    failures: list[AttemptError] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    ready: bool = True

    async def send(self, message: InboundMessage, reply: str) -> None:
        del message
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(reply)


@dataclass(frozen=True)
class Orders:
    available: bool = True

    async def find_order(self, tenant: str, order_id: str) -> Record | None:
        if not self.available:
            raise ErpUnavailableError("down")
        return Record(order_id, {"status": "shipped", "tenant": tenant}) if order_id == "12345" else None

    async def find_customer(self, tenant: str, customer_id: str) -> Record | None:
        del tenant, customer_id
        return None


async def entries(redis: Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    return cast("list[tuple[str, dict[str, str]]]", await redis.xrange(stream))


@dataclass
class Desk:
    """A queue with one worker, whose rounds are made by hand."""

    redis: Redis
    consumer: Consumer
    intake: Intake
    clock: Clock
    answerer: ScriptedAnswerer = field(default_factory=ScriptedAnswerer)
    channel: RecordingChannel = field(default_factory=RecordingChannel)
    orders: Orders | None = None

    async def put(self, text: str = "hello", channel: Channel = "whatsapp") -> None:
        await self.intake.put(InboundMessage("acme", "m1", channel, "5511999990000", text), Tenant("acme", "Acme"))

    async def round(self) -> int:
        """Let an hour pass, then handle all that is there; how many entries that were."""
        self.clock.now += 3600
        await self.consumer.tick(10, 2)
        deliveries = await self.consumer.take(10)
        for delivery in deliveries:
            await self.handle(delivery)
        return len(deliveries)

    async def handle(self, delivery: Delivery) -> None:
        channels = {"whatsapp": self.channel}
        handler = Handler(self.consumer, self.answerer, POLICY, lambda: 0.5, channels=channels, erp=self.orders)
        await handler.handle(delivery)

    async def status(self) -> str:
        state = await self.intake.state("acme", "m1")
        return state["status"] if state else "unknown"

    async def outbox(self) -> list[str]:
        return [fields["text"] for _, fields in await entries(self.redis, keys.outbox("acme"))]


@pytest.fixture
async def desk(redis: Redis, reader: Redis) -> Desk:
    clock = Clock()
    consumer = Consumer(redis, reader, "one", 3600, clock)
    await consumer.join()
    await consumer.tick(10, 2)
    return Desk(redis, consumer, Intake(redis, IntakeLimits(), clock=clock), clock)


async def test_a_message_is_answered_through_its_channel(desk: Desk) -> None:
    await desk.put()
    await desk.round()
    assert desk.channel.sent == ["re: hello"]
    assert await desk.status() == "answered"
    assert await desk.outbox() == []


async def test_a_channel_that_is_not_set_up_leaves_the_answer_to_the_outbox(desk: Desk) -> None:
    desk.channel.ready = False
    await desk.put()
    await desk.round()
    assert desk.channel.sent == []
    assert await desk.outbox() == ["re: hello"]


async def test_without_a_channel_the_outbox_takes_the_answer(desk: Desk) -> None:
    await desk.put(channel="api")
    await desk.round()
    assert await desk.outbox() == ["re: hello"]
    assert desk.channel.sent == []


async def test_a_failure_that_passes_is_tried_again(desk: Desk) -> None:
    desk.answerer.failures = [TransientError("down"), TransientError("down")]
    await desk.put()
    for _ in range(3):
        assert await desk.round() == 1
    assert desk.channel.sent == ["re: hello"]
    assert await desk.round() == 0


async def test_a_failure_that_stays_ends_as_a_dead_letter(desk: Desk) -> None:
    desk.answerer.failures = [TransientError("down")] * 3
    await desk.put()
    for _ in range(3):
        await desk.round()
    assert await desk.status() == "dead"
    assert await desk.redis.xlen(keys.DEAD) == 1
    assert await desk.round() == 0


async def test_a_refusal_is_not_tried_again(desk: Desk) -> None:
    desk.answerer.failures = [PermanentError("no such model")]
    await desk.put()
    await desk.round()
    assert await desk.status() == "dead"
    assert len(desk.answerer.asked) == 1


async def test_being_throttled_uses_up_no_attempts(desk: Desk) -> None:
    desk.answerer.failures = [ThrottledError("busy", 1.0)] * 10
    await desk.put()
    for _ in range(11):
        await desk.round()
    assert await desk.status() == "answered"


async def test_an_answer_that_could_not_be_sent_is_not_asked_for_again(desk: Desk) -> None:
    desk.channel.failures = [TransientError("WhatsApp answered 500")]
    await desk.put()
    await desk.round()
    await desk.round()
    assert len(desk.answerer.asked) == 1
    assert desk.channel.sent == ["re: hello"]


async def test_a_message_answered_by_a_worker_that_died_is_only_acknowledged(desk: Desk) -> None:
    await desk.put()
    (delivery,) = await desk.consumer.take(1)
    await desk.redis.hset(keys.state("acme", "m1"), "status", "answered")
    await desk.handle(delivery)
    assert desk.channel.sent == []
    assert await desk.redis.xlen(keys.INBOUND) == 0


async def test_a_message_that_kills_its_workers_is_given_up(desk: Desk) -> None:
    await desk.put()
    (delivery,) = await desk.consumer.take(1)
    for _ in range(POLICY.max_attempts):
        (delivery,) = await desk.consumer.claim(1, 0)
        await desk.consumer.begin(delivery, decode(delivery.fields))
    (delivery,) = await desk.consumer.claim(1, 0)
    await desk.handle(delivery)
    assert await desk.status() == "dead"
    assert desk.answerer.asked == []


async def test_an_entry_that_is_no_message_is_given_up_at_once(desk: Desk) -> None:
    await desk.redis.xadd(keys.INBOUND, {"tenant": "acme"})
    await desk.round()
    ((_, dead),) = await entries(desk.redis, keys.DEAD)
    assert dead["reason"] == "not a message: fields are missing"
    assert await desk.redis.xlen(keys.INBOUND) == 0


async def test_orders_named_are_looked_up(desk: Desk) -> None:
    desk.orders = Orders()
    await desk.put("where is #12345, and #99999?")
    await desk.round()
    (facts,) = desk.answerer.asked
    assert "order 12345: status=shipped, tenant=acme" in facts
    assert "order 99999: not found" in facts


async def test_an_order_system_that_is_down_costs_no_answer(desk: Desk) -> None:
    desk.orders = Orders(available=False)
    await desk.put("where is #12345?")
    await desk.round()
    assert desk.answerer.asked == [""]
    assert await desk.status() == "answered"


async def test_what_nobody_foresaw_is_tried_again_and_given_up_in_the_end(desk: Desk) -> None:
    async def broken(message: InboundMessage, facts: str) -> str:
        del message, facts
        raise RuntimeError("a bug")

    desk.answerer.answer = broken  # type: ignore[method-assign]
    await desk.put()
    for _ in range(POLICY.max_attempts):
        assert await desk.round() == 1
    assert await desk.status() == "dead"


async def test_a_message_of_which_no_attempt_can_even_be_counted_is_given_up(desk: Desk) -> None:
    await desk.put()
    await desk.redis.delete(keys.state("acme", "m1"))
    await desk.redis.set(keys.state("acme", "m1"), "not a hash")
    await desk.consumer.take(1)
    for _ in range(4 * POLICY.max_attempts):
        (delivery,) = await desk.consumer.claim(1, 0)
    await desk.handle(delivery)
    assert await desk.redis.xlen(keys.DEAD) == 1
    assert await desk.redis.xlen(keys.INBOUND) == 0


async def test_an_answer_is_not_sent_by_a_worker_that_was_taken_for_dead(desk: Desk, reader: Redis) -> None:
    await desk.put()
    (delivery,) = await desk.consumer.take(1)
    other = Consumer(desk.redis, reader, "two", 3600, desk.clock)
    answer = desk.answerer.answer

    async def slow(message: InboundMessage, facts: str) -> str:
        await other.claim(1, 0)
        return await answer(message, facts)

    desk.answerer.answer = slow  # type: ignore[method-assign]
    await desk.handle(delivery)
    assert desk.channel.sent == []
