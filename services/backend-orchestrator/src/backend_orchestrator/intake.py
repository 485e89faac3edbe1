"""The way in: a message is queued once, durably, or refused."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend_orchestrator import keys
from backend_orchestrator.message_spans import publishing
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.scripts import Scripts
from optimus_kit.redis import run_durably
from optimus_kit.settings import AT_ONCE, Durability
from optimus_kit.tenancy import Tenant
from optimus_kit.tracing import current_traceparent

_AGAIN_SECONDS = 5.0
log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A message was not queued, and should be sent again.

    Attributes:
        retry_after: seconds to wait before.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFullError(RefusedError):
    """The queue takes no more messages for now."""


class QueueUnavailableError(RefusedError):
    """The queue can't be reached, or can't say for sure that it keeps the message."""


class TenantQueueFullError(RefusedError):
    """As many messages of the tenant wait as may; other tenants' are taken."""


class RateExceededError(RefusedError):
    """The tenant sends faster than it may."""


@dataclass(frozen=True)
class IntakeLimits:
    """Bounds of the way in.

    Attributes:
        remember: seconds for which an id is known and its state can be asked for (Meta repeats calls for 7 days).
        queue_length: messages waiting at most.
        waiting_bytes: memory of all waiting messages at most, in equal shares; how many, a tenant's own limits say.
    """

    remember: int = 7 * 86_400
    queue_length: int = 100_000
    waiting_bytes: int = 32 << 20


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
        shares: how many tenants share what there is.
    """

    def __init__(
        self,
        redis: Redis,
        limits: IntakeLimits,
        durability: Durability = AT_ONCE,
        clock: Callable[[], float] = time.time,
        shares: Callable[[], int] = lambda: 1,
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._limits = limits
        self._durability = durability
        self._clock = clock
        self._shares = shares

    async def put(self, message: InboundMessage, tenant: Tenant, *, rated: bool = False) -> Accepted:
        """Queue `message` of `tenant`, durably by the time this returns.

        Args:
            message: what to queue.
            tenant: whose limits hold.
            rated: whether it counts against the tenant's requests per minute: the caller can be asked to wait. What is
                only passed on (by Meta) isn't, a queue being there to take it; its answers keep to the rate.

        Raises:
            RefusedError: over a limit, or the queue can't say that it keeps it; which, the class tells. Handed in
                again, it is queued once.
        """
        with publishing(message) as span:
            traced = replace(message, traceparent=current_traceparent() or "")
            try:
                code, detail = await self._enqueue(traced, tenant, rated=rated)
            except (RedisError, OSError) as error:
                log.warning("not queued: %s", type(error).__name__)
                raise QueueUnavailableError(
                    "The message could not be queued; send it again.", _AGAIN_SECONDS
                ) from error
            if int(code) < 0:
                raise _refused(int(code), detail)
            span.set("optimus.queue.duplicate", int(code) == 0)
            return Accepted(status=str(detail), duplicate=int(code) == 0)

    async def _enqueue(self, message: InboundMessage, tenant: Tenant, *, rated: bool) -> tuple[int, str | int]:
        share = self._limits.waiting_bytes // max(1, self._shares())
        limits = (self._limits.remember, self._limits.queue_length, tenant.queued_messages, share)
        rate = (tenant.requests_per_minute, tenant.burst)
        fields = [text for pair in message.encode().items() for text in pair]
        code, detail = await run_durably(
            self._scripts.enqueue,
            keys=[
                keys.state(message.tenant, message.message_id),
                keys.counts(message.tenant),
                keys.intake_rate(message.tenant) if rated else "",
            ],
            args=[*limits, *rate, f"{self._clock():.3f}", message.lane, message.payload(), *fields],
            durability=self._durability,
        )
        return code, detail

    async def state(self, tenant: str, message_id: str) -> Mapping[str, str] | None:
        """The fields `status`, `attempts`, `reply`, `reason` of a message as far as set; None if the id is unknown."""
        found = await self._redis.hgetall(keys.state(tenant, message_id))
        return {str(name): str(value) for name, value in found.items()} or None


def _refused(code: int, detail: str | int) -> RefusedError:
    if code == -1:
        return QueueFullError("The queue is full.", _AGAIN_SECONDS)
    if code == -2:
        return TenantQueueFullError("Too many messages of this tenant wait for their answers.", _AGAIN_SECONDS)
    return RateExceededError("Too many messages per minute for this tenant.", int(detail) / 1000)
