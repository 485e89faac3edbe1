"""Deadlines of many requests, kept by one thread: a timer for each costs more than the request."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Deadline:
    at: float
    end: Callable[[], None] | None


@dataclass
class Deadlines:
    """Ends what takes longer than so many seconds; its thread is there while something is watched."""

    seconds: float
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _queue: deque[_Deadline] = field(default_factory=deque)
    _watched: int = 0
    _thread: threading.Thread | None = None

    @contextmanager
    def watching(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end` from another thread where the block is not over in time."""
        deadline = _Deadline(time.monotonic() + self.seconds, end)
        with self._changed:
            self._queue.append(deadline)
            self._watched += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="deadlines", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                deadline.end = None
                self._watched -= 1
                if not self._watched:
                    self._changed.notify()

    def _keep(self) -> None:
        while True:
            with self._changed:
                # All have as long as one another, so the first one to begin is the first one to be late.
                while self._queue and self._queue[0].end is None:
                    self._queue.popleft()
                if not self._queue:
                    self._thread = None
                    return
                first = self._queue[0]
                left = first.at - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                end, first.end = first.end, None
            if end is not None:
                end()
