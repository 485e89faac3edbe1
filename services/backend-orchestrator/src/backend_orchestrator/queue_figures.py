"""How many messages are where in the queue, and how long they have been: for the dashboard and as metrics."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.waiting import Waiting, waiting
from optimus_kit.metrics import Reading

OTHER = "other"


@dataclass(frozen=True)
class QueueState:
    """Messages by where they are.

    Args:
        unfinished: not answered and not given up, wherever they are.
        in_hand: of workers.
        delayed: put off until a retry.
        dead: given up.
    """

    unfinished: int
    in_hand: int
    delayed: int
    dead: int

    @property
    def waiting(self) -> int:
        """Those whose turn has not come."""
        # Each number is of another moment.
        return max(0, self.unfinished - self.in_hand - self.delayed)


async def queue_state(redis: Redis) -> QueueState:
    """Count the messages.

    Raises:
        redis.exceptions.RedisError: they cannot be seen.
    """
    async with redis.pipeline(transaction=False) as steps:
        steps.xlen(keys.INBOUND)
        steps.zcard(keys.DELAYED)
        steps.zcard(keys.RESTING)
        steps.xlen(keys.DEAD)
        steps.hget(keys.COUNT, keys.ALL)
        steps.hlen(keys.TAKEN)
        # Not XPENDING: before the first worker there is no group, which it would call an error.
        steps.exists(keys.INBOUND)
        entries, delayed, resting, dead, in_lanes, taken, stream_exists = await steps.execute()
    in_hand = await _pending(redis) if stream_exists else 0
    # What is handed out is on the stream and in its lane; what an earlier version queued is on the stream alone.
    unfinished = int(in_lanes or 0) + max(0, entries - taken) + delayed
    return QueueState(unfinished, in_hand, delayed + resting, dead)


async def _pending(redis: Redis) -> int:
    groups = await redis.xinfo_groups(keys.INBOUND)
    return sum(int(group["pending"]) for group in groups if group["name"] == keys.GROUP)


@dataclass(frozen=True)
class QueueFigures:
    """The queue at one moment; `tenants` has those that have messages in it."""

    state: QueueState
    tenants: Mapping[str, Waiting]


async def read_queue(redis: Redis) -> QueueFigures:
    """Look at the queue.

    Raises:
        redis.exceptions.RedisError: it cannot be seen.
    """
    return QueueFigures(await queue_state(redis), await waiting(redis))


class QueueCollector(Collector):
    """Tells the latest figures of the queue; none while it can't be seen.

    Args:
        reading: of them.
        tenants: returns the names that are labels; others' messages count as those of `other`.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        reading: Reading[QueueFigures],
        tenants: Callable[[], frozenset[str]],
        clock: Callable[[], float],
    ) -> None:
        self._reading = reading
        self._tenants = tenants
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        messages = GaugeMetricFamily("optimus_queue_messages", "Messages in the queue, by where", labels=("state",))
        of_tenants = GaugeMetricFamily(
            "optimus_queue_tenant_messages",
            "Messages of the tenant that are not done",
            labels=("tenant",),
        )
        ages = GaugeMetricFamily(
            "optimus_queue_oldest_message_age_seconds",
            "Age of the tenant's oldest message in the queue; 0 for none",
            labels=("tenant",),
            unit="seconds",
        )
        found = self._reading.value
        if found is not None:
            state = found.state
            for name, count in (
                ("waiting", state.waiting),
                ("in_hand", state.in_hand),
                ("delayed", state.delayed),
                ("dead", state.dead),
            ):
                messages.add_metric((name,), count)
            for tenant, (count, age) in self._by_tenant(found.tenants).items():
                of_tenants.add_metric((tenant,), count)
                ages.add_metric((tenant,), age)
        yield from (messages, of_tenants, ages)

    def _by_tenant(self, found: Mapping[str, Waiting]) -> Mapping[str, tuple[int, float]]:
        """Messages and age of the oldest by label; a tenant without any is told as 0."""
        known, now = self._tenants(), self._clock()
        figures = dict.fromkeys(known, (0, 0.0))
        for name, there in found.items():
            label = name if name in known else OTHER
            count, age = figures.get(label, (0, 0.0))
            figures[label] = (count + there.messages, max(age, there.age(now)))
        return figures
