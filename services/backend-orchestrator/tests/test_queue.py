import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError
from tests.support.span_recorder import recording_spans

from backend_orchestrator import keys
from backend_orchestrator.consumer import Consumer
from backend_orchestrator.intake import (
    Accepted,
    Intake,
    IntakeLimits,
    QueueFullError,
    QueueUnavailableError,
    RateExceededError,
    TenantQueueFullError,
)
from backend_orchestrator.messages import InboundMessage, decode
from backend_orchestrator.scripts import Scripts
from optimus_kit.redis.scripts import BoundScript
from optimus_kit.settings import Durability
from optimus_kit.tenancy import Tenant
from optimus_kit.tracing import span

REMEMBER = 3600


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


ROOMY = Tenant("acme", "Acme")
TENANT = Tenant("acme", "Acme", requests_per_minute=60, burst=2, queued_messages=2)


def message(message_id: str = "m1", text: str = "hello", sender: str = "5511999990000") -> InboundMessage:
    return InboundMessage("acme", message_id, "whatsapp", sender, text, "100000000000001", "request-1")


async def entries(redis: Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    return cast("list[tuple[str, dict[str, str]]]", await redis.xrange(stream))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def intake(redis: Redis, clock: Clock) -> Intake:
    return Intake(redis, IntakeLimits(remember=REMEMBER, queue_length=3), clock=clock)


@pytest.fixture
async def consumer(redis: Redis, reader: Redis, clock: Clock) -> Consumer:
    made = Consumer(redis, reader, "one", REMEMBER, clock)
    await made.join()
    await made.tick(10, 2)
    return made


@pytest.fixture
async def other(redis: Redis, reader: Redis, clock: Clock) -> Consumer:
    return Consumer(redis, reader, "two", REMEMBER, clock)


async def test_an_attempt_whose_start_is_told_twice_counts_once(
    intake: Intake, redis: Redis, consumer: Consumer
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    told: list[tuple[object, ...]] = []
    send: Callable[..., Awaitable[object]] = redis.execute_command

    async def twice(*command: object, **options: object) -> object:
        told.append(command)
        await send(*command, **options)
        return await send(*command, **options)

    redis.execute_command = twice  # type: ignore[method-assign]
    attempt = await consumer.begin(delivery, message())
    assert told
    assert attempt.number == 1


async def test_a_message_delivered_again_is_queued_once(intake: Intake, redis: Redis) -> None:
    first = await intake.put(message(), ROOMY)
    again = await asyncio.gather(*(intake.put(message(), ROOMY) for _ in range(20)))
    assert first == Accepted("queued", duplicate=False)
    assert set(again) == {Accepted("queued", duplicate=True)}
    assert await redis.xlen(keys.INBOUND) == 1
    assert await redis.hget(keys.counts("acme"), "messages_in") == "1"


async def test_a_full_queue_refuses_and_remembers_nothing_of_the_message(intake: Intake) -> None:
    for number in range(3):
        await intake.put(message(f"m{number}"), ROOMY)
    with pytest.raises(QueueFullError):
        await intake.put(message("late"), ROOMY)
    assert await intake.state("acme", "late") is None


async def test_an_id_is_forgotten_in_the_end(intake: Intake, redis: Redis) -> None:
    await intake.put(message(), ROOMY)
    assert 0 < await redis.ttl(keys.state("acme", "m1")) <= REMEMBER


async def test_what_was_queued_is_what_is_taken(intake: Intake, consumer: Consumer) -> None:
    await intake.put(message(text="olá ✓\nline"), ROOMY)
    (delivery,) = await consumer.take(5)
    assert decode(delivery.fields) == message(text="olá ✓\nline")


async def test_joining_twice_changes_nothing(intake: Intake, consumer: Consumer, other: Consumer) -> None:
    await intake.put(message(), ROOMY)
    await other.join()
    assert len(await consumer.take(5)) == 1


async def test_attempts_are_counted_across_workers(intake: Intake, consumer: Consumer, other: Consumer) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert (await consumer.begin(delivery, message())).number == 1
    assert (await consumer.begin(delivery, message())).number == 1
    (claimed,) = await other.claim(1, 0)
    assert (await other.begin(claimed, message())).number == 2


async def test_an_attempt_names_the_one_before_and_never_itself(
    intake: Intake, consumer: Consumer, other: Consumer
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    with recording_spans():
        with span("first") as first:
            sent_twice = [await consumer.begin(delivery, message()) for _ in range(2)]
        with span("second"):
            (claimed,) = await other.claim(1, 0)
            followers = [await other.begin(claimed, message()) for _ in range(2)]
    assert [attempt.earlier for attempt in sent_twice] == ["", ""]
    assert [attempt.earlier for attempt in followers] == [first.context.traceparent] * 2


async def test_a_worker_whose_entry_was_claimed_is_told_so(intake: Intake, consumer: Consumer, other: Consumer) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    await other.claim(1, 0)
    assert (await consumer.begin(delivery, message())).status == "lost"
    assert not await consumer.keep_reply(delivery, message(), "hi")
    assert await other.keep_reply(delivery, message(), "hi")


async def test_the_age_is_that_of_the_first_queueing(intake: Intake, consumer: Consumer, clock: Clock) -> None:
    await intake.put(message(), ROOMY)
    clock.now += 90
    (delivery,) = await consumer.take(1)
    assert (await consumer.begin(delivery, message())).age == pytest.approx(90)


async def test_finishing_answers_once(intake: Intake, consumer: Consumer, redis: Redis) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert await consumer.finish(delivery, message(), "hi", to_outbox=True)
    assert not await consumer.finish(delivery, message(), "hi again", to_outbox=True)
    ((_, answer),) = await entries(redis, keys.outbox("acme"))
    assert (answer["message_id"], answer["text"]) == ("m1", "hi")
    assert await intake.state("acme", "m1") is not None
    assert (await consumer.begin(delivery, message())).status == "answered"
    assert await redis.xlen(keys.INBOUND) == 0
    assert (await redis.xpending(keys.INBOUND, keys.GROUP))["pending"] == 0


async def test_a_delayed_message_returns_when_its_time_has_come(
    intake: Intake, consumer: Consumer, clock: Clock
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert await consumer.delay(delivery, message(), 5, counts=True)
    assert await consumer.tick(10, 2) == 0
    assert await consumer.take(1) == []
    clock.now += 5
    assert await consumer.tick(10, 2) == 1
    (returned,) = await consumer.take(1)
    assert decode(returned.fields) == message()


@pytest.mark.parametrize(("counts", "number"), [(True, 2), (False, 1)])
async def test_only_attempts_that_count_are_counted(
    intake: Intake, consumer: Consumer, counts: bool, number: int
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    await consumer.begin(delivery, message())
    await consumer.delay(delivery, message(), 0, counts=counts)
    await consumer.tick(10, 2)
    (delivery,) = await consumer.take(1)
    assert (await consumer.begin(delivery, message())).number == number


async def test_an_entry_is_put_off_or_given_up_once(intake: Intake, consumer: Consumer, redis: Redis) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert await consumer.delay(delivery, message(), 5, counts=True)
    assert not await consumer.delay(delivery, message(), 5, counts=True)
    assert not await consumer.bury(delivery, message(), "no")
    assert await redis.zcard(keys.RESTING) == 1
    assert await redis.xlen(keys.DEAD) == 0


async def test_a_dead_letter_keeps_the_message_and_the_reason(intake: Intake, consumer: Consumer, redis: Redis) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    await consumer.bury(delivery, message(), "5 attempts failed")
    ((_, dead),) = await entries(redis, keys.DEAD)
    assert dead["reason"] == "5 attempts failed"
    assert decode(dead) == message()
    state = await intake.state("acme", "m1")
    assert state is not None
    assert state["status"] == "dead"
    assert await redis.xlen(keys.INBOUND) == 0


async def test_entries_of_a_silent_worker_are_claimed(intake: Intake, consumer: Consumer, other: Consumer) -> None:
    await intake.put(message(), ROOMY)
    taken = await consumer.take(1)
    assert await other.claim(5, 60_000) == []
    (claimed,) = await other.claim(5, 0)
    assert (claimed.entry, claimed.times) == (taken[0].entry, 2)


async def test_renewing_does_not_take_back_what_was_claimed(
    intake: Intake, consumer: Consumer, other: Consumer
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert await consumer.renew([delivery.entry]) == 1
    await other.claim(5, 0)
    assert await consumer.renew([delivery.entry]) == 0
    assert await other.renew([delivery.entry]) == 1


async def test_an_entry_deleted_meanwhile_is_not_claimed(
    intake: Intake, consumer: Consumer, other: Consumer, redis: Redis
) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    await redis.xdel(keys.INBOUND, delivery.entry)
    assert await other.claim(5, 0) == []


async def test_a_worker_leaves_the_group_only_with_empty_hands(intake: Intake, consumer: Consumer) -> None:
    await intake.put(message(), ROOMY)
    (delivery,) = await consumer.take(1)
    assert not await consumer.leave()
    await consumer.drop(delivery)
    assert await consumer.leave()


async def test_a_bad_entry_does_not_reach_the_state_of_any_message(consumer: Consumer, redis: Redis) -> None:
    await redis.xadd(keys.INBOUND, {"nonsense": "1"})
    (delivery,) = await consumer.take(1)
    await consumer.bury(delivery, None, "not a message")
    assert await redis.keys("optimus:message:*") == []
    assert await redis.xlen(keys.DEAD) == 1


def test_only_what_takes_a_message_in_is_refused_where_memory_is_short(redis: Redis) -> None:
    scripts: dict[str, BoundScript] = vars(Scripts(redis))
    assert [name for name, bound in scripts.items() if "allow-oom" not in bound.script.text.partition("\n")[0]] == [
        "enqueue"
    ]


async def test_a_tenants_rate_and_part_of_the_queue_are_bounded(redis: Redis, consumer: Consumer) -> None:
    del consumer  # there are lanes by now
    intake = Intake(redis, IntakeLimits(queue_length=100))
    for number in range(2):
        await intake.put(message(f"m{number}"), TENANT, rated=True)
    with pytest.raises(TenantQueueFullError):
        await intake.put(message("m2"), TENANT, rated=True)
    with pytest.raises(RateExceededError) as refused:
        await intake.put(message("m2"), replace(TENANT, queued_messages=9), rated=True)
    assert 0 < refused.value.retry_after <= 1
    assert (await intake.put(message("m0"), TENANT, rated=True)).duplicate


async def test_a_tenants_part_of_the_queue_is_bounded_in_bytes_and_freed_again(
    redis: Redis, consumer: Consumer
) -> None:
    intake = Intake(redis, IntakeLimits(waiting_bytes=10_000), shares=lambda: 2)
    await intake.put(message("m1", "x" * 2000), ROOMY)
    with pytest.raises(TenantQueueFullError):
        await intake.put(message("m2", "x" * 2000), ROOMY)
    (delivery,) = await consumer.take(1)
    await consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
    await intake.put(message("m2", "x" * 2000), ROOMY)


async def test_a_queue_that_is_away_is_a_refusal(redis: Redis) -> None:
    intake = Intake(redis, IntakeLimits(), Durability(1, 0.01))
    with pytest.raises(QueueUnavailableError):
        await intake.put(message(), ROOMY)


async def test_what_is_kept_of_a_tenants_messages_is_bounded_and_its_oldest_goes(redis: Redis, reader: Redis) -> None:
    intake = Intake(redis, IntakeLimits())
    consumer = Consumer(redis, reader, "one", REMEMBER, kept_bytes=lambda: 20_000)
    await consumer.join()
    await consumer.tick(10, 2)
    for number in range(30):
        await intake.put(message(f"m{number}"), ROOMY)
        (delivery,) = await consumer.take(1)
        if number % 2:
            await consumer.bury(delivery, decode(delivery.fields), "x" * 1000)
        else:
            await consumer.finish(delivery, decode(delivery.fields), "x" * 1000, to_outbox=True)
    states = len(await redis.keys("optimus:message:*"))
    letters, answers = await redis.xlen(keys.DEAD), await redis.xlen(keys.outbox("acme"))
    assert 0 < states < 10
    assert 0 < letters < 10
    assert 0 < answers < 10
    assert await intake.state("acme", "m0") is None
    assert await intake.state("acme", "m29") is not None
    assert int(str(await redis.hget(keys.KEPT_BYTES, "acme"))) <= 20_000


async def test_what_a_read_was_given_that_did_not_come_back_is_found(
    intake: Intake, consumer: Consumer, other: Consumer
) -> None:
    await intake.put(message("m1", sender="ana"), ROOMY)
    await intake.put(message("m2", sender="bob"), ROOMY)
    first, second = await consumer.take(2)
    assert await consumer.mislaid([first.entry]) == [second]
    assert await other.mislaid([]) == []


@pytest.mark.usefixtures("consumer")
async def test_a_worker_joins_also_where_memory_is_short(redis: Redis, reader: Redis) -> None:
    await redis.config_set("maxmemory", "1")
    try:
        await Consumer(redis, reader, "two", REMEMBER).join()
        await redis.delete(keys.INBOUND)
        with pytest.raises(OutOfMemoryError):
            await Consumer(redis, reader, "three", REMEMBER).join()
    finally:
        await redis.config_set("maxmemory", "0")
