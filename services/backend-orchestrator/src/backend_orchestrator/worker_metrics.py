"""What a worker tells of its attempts at messages."""

import time
from collections.abc import Awaitable, Callable

from prometheus_client import Counter, Gauge, Histogram

from backend_orchestrator.consumer import Delivery
from backend_orchestrator.handling import Outcome
from backend_orchestrator.worker import Handle
from optimus_kit.drain import Drain
from optimus_kit.metrics import Metrics

BUCKETS = (0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
INTERRUPTED = "interrupted"


class WorkerMetrics:
    """Counts attempts by how they ended, and times them.

    Args:
        metrics: where they are shown.
        drain: knows how many messages are in hand.
        slots: messages in hand at most.
    """

    def __init__(self, metrics: Metrics, drain: Drain, slots: int) -> None:
        registry = metrics.registry
        self._processed = Counter(
            "optimus_queue_processed", "Attempts at messages, by how they ended", ("outcome",), registry=registry
        )
        self._seconds = Histogram(
            "optimus_queue_processing_duration_seconds",
            "Time of an attempt at a message",
            ("outcome",),
            unit="seconds",
            buckets=BUCKETS,
            registry=registry,
        )
        for outcome in (*Outcome, INTERRUPTED):
            self._processed.labels(outcome)
        Gauge("optimus_worker_slots", "Messages that are taken in hand at most", registry=registry).set(slots)
        busy = Gauge("optimus_worker_busy_slots", "Messages in hand", registry=registry)
        metrics.before(lambda: busy.set(drain.inflight))

    def counted(self, handle: Callable[[Delivery], Awaitable[Outcome]]) -> Handle:
        """Return what handles an entry and counts it; one that fails, or is broken off, was interrupted."""

        async def handle_one(delivery: Delivery) -> None:
            started = time.perf_counter()
            outcome: str = INTERRUPTED
            try:
                outcome = await handle(delivery)
            finally:
                self._processed.labels(outcome).inc()
                self._seconds.labels(outcome).observe(time.perf_counter() - started)

        return handle_one
