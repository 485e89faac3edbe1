"""The queue of encoded spans and the thread that sends them.

The SDK's BatchSpanProcessor is not used: it logs a line for each span that it drops and counts none, its shutdown waits
up to 30 s for a collector that doesn't answer, and its force_flush ignores its timeout (opentelemetry-python#4568).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from optimus_kit.telemetry.counts import Counter
from optimus_kit.telemetry.settings import Batching

Send = Callable[[Sequence[bytes], float], int]
"""Sends a batch within some seconds and tells how many spans were taken; never raises."""


class SpanQueue:
    """Takes encoded spans without ever waiting; a full queue drops the newest.

    Args:
        send: takes a batch to the collector.
        batching: sizes and delay.
        timeout: seconds that a batch may take.
        counter: told what becomes of spans.
        closing: set once it is being closed, so that nothing is tried again.
    """

    def __init__(
        self, send: Send, batching: Batching, timeout: float, counter: Counter, closing: threading.Event
    ) -> None:
        self._send = send
        self._batching = batching
        self._timeout = timeout
        self._counter = counter
        self._closing = closing
        self._spans: deque[bytes] = deque()
        # Whether the batch in hand counts as sent or as lost is decided once: by the thread, or by whoever gave it up.
        self._settling = threading.Lock()
        self._in_hand = 0
        self._abandoned = threading.Event()
        self._wake = threading.Event()
        self._end_at: float | None = None
        self._thread = threading.Thread(target=self._work, name="otel-export", daemon=True)
        self._thread.start()

    def put(self, span: bytes) -> None:
        """Take an encoded span."""
        spans = self._spans
        if self._end_at is not None or len(spans) >= self._batching.queue:
            self._counter.add(dropped=1)
            return
        spans.append(span)
        if len(spans) >= self._batching.batch and not self._wake.is_set():
            self._wake.set()

    def close(self, seconds: float) -> None:
        """Send what waits, for at most `seconds`; the rest is dropped and counted."""
        if self._end_at is not None:
            return
        self._end_at = time.monotonic() + seconds
        self._closing.set()
        self._wake.set()
        self._thread.join(seconds)
        # What is being sent, by a thread that may never come back, is lost with the process.
        with self._settling:
            self._abandoned.set()
            left = len(self._spans) + self._in_hand
        if left:
            self._counter.add(dropped=left)

    def _work(self) -> None:
        while self._end_at is None:
            self._wake.wait(self._batching.delay)
            self._wake.clear()
            # At least what is there now, and no longer: what comes meanwhile may fill a batch.
            self._send_batches(len(self._spans))
        self._send_batches(len(self._spans))

    def _send_batches(self, count: int) -> None:
        while count > 0 and self._spans:
            seconds = self._timeout
            if self._end_at is not None and (seconds := min(seconds, self._end_at - time.monotonic())) <= 0:
                return
            with self._settling:
                if self._abandoned.is_set():
                    return
                batch = [self._spans.popleft() for _ in range(min(self._batching.batch, len(self._spans)))]
                self._in_hand = len(batch)
            count -= len(batch)
            taken = self._send(batch, seconds)
            with self._settling:
                if self._abandoned.is_set():
                    return
                self._in_hand = 0
            lost = len(batch) - taken
            self._counter.add(exported=taken, dropped=lost, failed_exports=1 if lost else 0)
