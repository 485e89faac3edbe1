"""One message from being taken to being answered, put off or given up."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from redis.exceptions import RedisError

from backend_orchestrator.answering import Answerer
from backend_orchestrator.channels import ReplyChannel
from backend_orchestrator.consumer import Attempt, Consumer, Delivery
from backend_orchestrator.erp import ErpAdapter, facts_for
from backend_orchestrator.message_spans import note_message, processing
from backend_orchestrator.messages import InboundMessage, InvalidMessageError, decode
from backend_orchestrator.retry import AttemptError, DeadLetter, RetryPolicy, TransientError, decide
from optimus_kit.tracing import Span, current_span

_TIMES_PER_ATTEMPT = 4
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How an attempt ended: the message was answered, put off, given up, done before, or is another worker's by now."""

    ANSWERED = "answered"
    DELAYED = "delayed"
    DEAD = "dead"
    REPEATED = "repeated"
    LOST = "lost"


@dataclass(frozen=True)
class Handler:
    """Answers messages.

    Answered once: the state that says so is written in one step with the acknowledgement (and with the outbox). What
    remains is a worker dying between a channel's taking an answer and that step: the answer is then sent again.

    Attributes:
        consumer: the queue.
        answerer: knows what to say.
        policy: when to try again and when to give up.
        jitter: random numbers in [0, 1).
        channels: ways to the outside, by the channel a message came through; without one the outbox takes the answer.
        erp: the tenants' own systems, or None.
    """

    consumer: Consumer
    answerer: Answerer
    policy: RetryPolicy
    jitter: Callable[[], float]
    channels: Mapping[str, ReplyChannel] = field(default_factory=dict)
    erp: ErpAdapter | None = None

    async def handle(self, delivery: Delivery) -> Outcome:
        """Take one entry to the end of one attempt; return how that ended.

        Raises:
            redis.exceptions.RedisError: the queue is gone; the entry stays pending and is claimed later.
        """
        with processing(delivery.entry, delivery.fields) as working:
            try:
                message = decode(delivery.fields)
            except InvalidMessageError as error:
                log.warning("entry %s is no message: %s", delivery.entry, error)
                working.error("invalid_message", str(error))
                await self.consumer.bury(delivery, None, f"not a message: {error}")
                return Outcome.DEAD
            note_message(working, message)
            outcome = await self._process(delivery, message, working)
            working.set("optimus.queue.outcome", outcome.value)
            log.info("message %s of %s: %s", message.message_id, message.tenant, outcome.value)
            return outcome

    async def _process(self, delivery: Delivery, message: InboundMessage, working: Span) -> Outcome:
        if delivery.times > _TIMES_PER_ATTEMPT * self.policy.max_attempts:
            # Not even attempts could be counted; a worker that stood still is given again what it has, which is none.
            return await self._give_up(delivery, message, f"given to workers {delivery.times} times without a result")
        attempt = await self.consumer.begin(delivery, message)
        working.set("optimus.queue.attempt", attempt.number)
        working.link(attempt.earlier)
        if attempt.status == "lost":
            log.warning("entry %s is another worker's by now", delivery.entry)
            return Outcome.LOST
        if attempt.status in {"answered", "dead"}:
            await self.consumer.drop(delivery)
            return Outcome.REPEATED
        if attempt.number > self.policy.max_attempts:
            # Only dying workers leave more attempts behind than the policy grants.
            return await self._give_up(delivery, message, f"{attempt.number - 1} attempts ended without a result")
        return await self._attempt(delivery, message, attempt)

    async def _attempt(self, delivery: Delivery, message: InboundMessage, attempt: Attempt) -> Outcome:
        try:
            reply = attempt.reply or await self._reply(message)
            return await self._deliver(delivery, message, reply)
        except AttemptError as error:
            return await self._failed(delivery, message, attempt, error)
        except (RedisError, OSError):
            raise
        except Exception as error:
            # Whatever it is, the sender's next messages wait behind this one: it has its attempts like any other.
            log.exception("message %s: unforeseen", message.message_id)
            unforeseen = TransientError(f"unforeseen: {type(error).__name__}")
            return await self._failed(delivery, message, attempt, unforeseen)

    async def _reply(self, message: InboundMessage) -> str:
        return await self.answerer.answer(message, await facts_for(message, self.erp))

    async def _deliver(self, delivery: Delivery, message: InboundMessage, reply: str) -> Outcome:
        channel = self.channels.get(message.channel)
        if channel is not None and not channel.ready:
            channel = None
        if channel is not None:
            if not await self.consumer.keep_reply(delivery, message, reply):
                log.warning("entry %s is another worker's by now: not sent", delivery.entry)
                return Outcome.LOST
            await channel.send(message, reply)
        first = await self.consumer.finish(delivery, message, reply, to_outbox=channel is None)
        return Outcome.ANSWERED if first else Outcome.REPEATED

    async def _failed(
        self, delivery: Delivery, message: InboundMessage, attempt: Attempt, error: AttemptError
    ) -> Outcome:
        current_span().error(type(error).__name__, str(error))
        decision = decide(error, attempt.number, attempt.age, self.policy, self.jitter)
        if isinstance(decision, DeadLetter):
            return await self._give_up(delivery, message, decision.reason)
        log.warning("message %s: %s; again in %.1f s", message.message_id, decision.reason, decision.delay)
        moved = await self.consumer.delay(delivery, message, decision.delay, counts=decision.counts)
        return Outcome.DELAYED if moved else Outcome.LOST

    async def _give_up(self, delivery: Delivery, message: InboundMessage, reason: str) -> Outcome:
        log.warning("message %s given up: %s", message.message_id, reason)
        current_span().error("given_up", reason)
        buried = await self.consumer.bury(delivery, message, reason)
        return Outcome.DEAD if buried else Outcome.LOST
