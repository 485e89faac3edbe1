"""The queue of spans: bounded, and each span is counted once as sent or as lost."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from optimus_kit.telemetry.counts import Counter
from optimus_kit.telemetry.queue import SpanQueue
from optimus_kit.telemetry.settings import Batching

SPAN = cast("Any", object())


class Collector:
    """Takes batches, or holds the thread that sends until it is let go."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def send(self, spans: Sequence[object], _seconds: float) -> int:
        self.asked.set()
        self.go_on.wait()
        return len(spans) if self.takes else 0


def queue_to(collector: Collector, counter: Counter, **batching: Any) -> SpanQueue:
    return SpanQueue(collector.send, Batching(**batching), 10.0, counter, threading.Event())


def put(queue: SpanQueue, number: int) -> None:
    for _ in range(number):
        queue.put(SPAN)


@pytest.mark.parametrize(("takes", "told"), [(True, (7, 0)), (False, (0, 7))])
def test_at_the_end_all_that_waits_is_sent(takes: bool, told: tuple[int, int]) -> None:
    counter = Counter()
    queue = queue_to(Collector(takes=takes), counter, delay=3600.0)
    put(queue, 7)
    queue.close(60.0)
    assert (counter.counts().exported, counter.counts().dropped) == told


def test_a_full_queue_drops_what_comes_and_waits_for_nobody() -> None:
    counter, collector = Counter(), Collector()
    collector.go_on.clear()
    queue = queue_to(collector, counter, queue=4, batch=2, delay=3600.0)
    put(queue, 2)
    collector.asked.wait()
    put(queue, 9)
    assert counter.counts().dropped == 5
    collector.go_on.set()
    queue.close(60.0)
    assert (counter.counts().exported, counter.counts().dropped) == (6, 5)


def test_a_collector_that_hangs_is_not_waited_for_and_its_batch_counts_once() -> None:
    counter, collector = Counter(), Collector()
    collector.go_on.clear()
    queue = queue_to(collector, counter, batch=2, delay=3600.0)
    put(queue, 5)
    collector.asked.wait()
    queue.close(0.0)
    put(queue, 1)
    assert counter.counts().dropped == 6
    collector.go_on.set()
    next(each for each in threading.enumerate() if each.name == "otel-export").join()
    assert (counter.counts().exported, counter.counts().dropped) == (0, 6)


def test_closing_again_changes_nothing() -> None:
    counter = Counter()
    queue = queue_to(Collector(), counter)
    for _ in range(2):
        queue.close(60.0)
    assert counter.counts().dropped == 0
