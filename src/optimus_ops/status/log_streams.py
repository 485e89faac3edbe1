"""The output of several replicas at once, as batches of lines."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from optimus_ops.engine.port import Engine
from optimus_ops.engine.values import ContainerStart
from optimus_ops.errors import OpsError
from optimus_ops.status.log_lines import Assembler, LogLine, in_order

QUIET_SECONDS = 0.25
"""The beginning is over when nothing came for so long; it is printed in the order of time."""
BEGINNING_SECONDS = 2.0
BATCH_LINES = 5000
GRACE_SECONDS = 3.0


@dataclass
class LogStreams:
    """The output of several replicas, each read by a thread of its own.

    Args:
        engine: without a time limit.
        grace: seconds to wait for a successor after the last replica ended.
        keep: tells which lines are wanted.
    """

    engine: Engine
    project: str
    services: frozenset[str]
    follow: bool
    tail: int | str
    grace: float = GRACE_SECONDS
    keep: Callable[[LogLine], bool] = lambda _line: True
    _lines: queue.SimpleQueue[LogLine | None] = field(default_factory=queue.SimpleQueue)
    _active: set[str] = field(default_factory=set)
    _latest: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, container: str, replica: str, *, since: int | None = None) -> None:
        """Read a container's output, unless it is being read: its last lines, or those from a time (since 1970) on."""
        with self._lock:
            if container in self._active:
                return
            self._active.add(container)
        threading.Thread(target=self._read, args=(container, replica, since), daemon=True).start()

    def watch(self) -> None:
        """Add replicas as they start. What starts from this call on is not missed."""
        threading.Thread(target=self._watch, args=(self.engine.starts(self.project),), daemon=True).start()

    def _watch(self, starts: Iterator[ContainerStart]) -> None:
        try:
            for start in starts:
                if not self.services or start.service in self.services:
                    self.add(start.container, start.name, since=start.time)
        except OpsError:
            # The engine is gone; the streams end as well, and that is where it is reported.
            return

    def _read(self, container: str, replica: str, since: int | None) -> None:
        assembler = Assembler(replica)
        self._seen[container] = self._latest.get(container, "")
        try:
            pieces = self.engine.stream_logs(
                container, tail=self.tail, since=since, follow=self.follow, timestamps=True
            )
            for piece in pieces:
                self._put(container, assembler.feed(piece))
        except OpsError:
            # Gone while it was read: its replica ended.
            pass
        finally:
            self._put(container, assembler.finish())
            with self._lock:
                self._active.discard(container)
            self._lines.put(None)

    def _put(self, container: str, lines: Sequence[LogLine]) -> None:
        # `since` counts whole seconds, so that what a restarted replica wrote last comes again.
        seen = self._seen.get(container, "")
        for line in lines:
            if not line.stamp or line.stamp > seen:
                if self.keep(line):
                    self._lines.put(line)
                self._latest[container] = max(line.stamp, self._latest.get(container, ""))

    def batches(self) -> Iterator[list[LogLine]]:
        """Give lines as they come, the beginning in the order of time; ends when every stream has ended.

        A batch may be empty: nothing came for a moment.
        """
        yield in_order(self._beginning())
        idle_since = time.monotonic()
        while self._active or (self.follow and time.monotonic() - idle_since < self.grace):
            if self._active:
                idle_since = time.monotonic()
            yield self._next_lines(QUIET_SECONDS)
        if batch := self._all_left():
            yield batch

    def _beginning(self) -> list[LogLine]:
        until = time.monotonic() + BEGINNING_SECONDS
        lines: list[LogLine] = []
        while time.monotonic() < until or not self.follow:
            batch = self._next_lines(QUIET_SECONDS)
            lines += batch
            if not self._active or (self.follow and not batch):
                break
        return lines + (self._next_lines(0.0) if self._active else self._all_left())

    def _all_left(self) -> list[LogLine]:
        """Return every line that is there; no stream puts more."""
        lines: list[LogLine] = []
        while batch := self._next_lines(0.0):
            lines += batch
        return lines

    def _next_lines(self, seconds: float) -> list[LogLine]:
        """Return the lines that are there, waiting for a first one for at most so long."""
        lines: list[LogLine] = []
        with contextlib.suppress(queue.Empty):
            found = self._lines.get(timeout=seconds) if seconds else self._lines.get_nowait()
            while True:
                if found is not None:
                    lines.append(found)
                if len(lines) >= BATCH_LINES:
                    break
                found = self._lines.get_nowait()
        return lines
