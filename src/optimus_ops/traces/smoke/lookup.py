"""Asking stores until they have all of a request, or time is up.

A trace is whole when every required span is there, every parent is, and two answers in a row have the same number of
spans. Nothing is waited for that can't come any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optimus_ops.system.wait import SYSTEM_CLOCK, Clock
from optimus_ops.traces.model import Trace
from optimus_ops.traces.smoke.client_span import RUN
from optimus_ops.traces.smoke.evidence import Lookup, TraceIds
from optimus_ops.traces.smoke.hops import find_hops
from optimus_ops.traces.smoke.log_lines import services_in
from optimus_ops.traces.smoke.probe import TraceProbe
from optimus_ops.traces.store import LogStore, PartialTrace, StoredLine, StoreFailed, TraceStore

POLL_SECONDS = 0.25
WIDE_SECONDS = 300.0
"""Before and after, for clocks that differ."""


@dataclass(frozen=True)
class Patience:
    """How long is waited, by a clock; `stopped` ends all waiting at once, as upon Ctrl-C."""

    seconds: float
    clock: Clock = SYSTEM_CLOCK
    stopped: threading.Event = field(default_factory=threading.Event)

    def until(self, done: Callable[[], bool], ends_at: float) -> bool:
        """Call a function every 250 ms until it says so, at least once; False where it has not by a time."""
        while not done():
            if self.clock.monotonic() >= ends_at or self.stopped.is_set():
                return False
            self.clock.sleep(POLL_SECONDS)
        return True


def look_up(
    store: Callable[[], TraceStore], probe: TraceProbe, ids: TraceIds, sent: float, patience: Patience
) -> Lookup:
    """Ask for a trace by its id until it is whole; `sent` is when the request was, by the patience's clock."""
    looked = Lookup()

    def whole() -> bool:
        nonlocal looked
        before = looked.trace
        try:
            trace = store().trace(ids.trace_id)
        except StoreFailed as error:
            looked = Lookup(before, error.message, isinstance(error, PartialTrace))
            return False
        if not complete(trace, probe, ids):
            looked = Lookup(trace)
            return False
        seconds = patience.clock.monotonic() - sent if looked.seconds is None else looked.seconds
        settled = before is not None and trace is not None and len(before.spans) == len(trace.spans)
        looked = Lookup(trace, seconds=seconds, settled=settled)
        return settled

    patience.until(whole, patience.clock.monotonic() + patience.seconds)
    return looked


def complete(trace: Trace | None, probe: TraceProbe, ids: TraceIds) -> bool:
    """Tell whether every required span is there, and every parent, up to the client's own span as the only root."""
    if trace is None or [span.span_id for span in trace.roots] != [ids.span_id]:
        return False
    return not (trace.orphans or trace.circular or find_hops(trace, probe.hops).missing)


def read_lines(
    logs: Callable[[], LogStore], wanted: Sequence[str], text_id: str, now: float, patience: Patience
) -> tuple[tuple[StoredLine, ...], str]:
    """Return the lines with an id, once all wanted services have one or time is up, and why they can't be read.

    `now` is in seconds since 1970.
    """
    lines: tuple[StoredLine, ...] = ()
    failure = ""

    def there() -> bool:
        nonlocal lines, failure
        try:
            lines, failure = logs().lines(text_id, now - WIDE_SECONDS, now + WIDE_SECONDS), ""
        except StoreFailed as error:
            failure = error.message
            return False
        return set(wanted) <= services_in(lines)

    patience.until(there, patience.clock.monotonic() + patience.seconds)
    return lines, failure


@dataclass
class RunSearch:
    """Searches for the traces of a run by an attribute of the client's spans.

    Args:
        begun: trace id -> when its request was sent, by the clock.
        ended: set when nothing else is under way; from then on it has `patience.seconds` left.
        found: trace id -> seconds from the request until search found it.
    """

    run: str
    now: float
    ended: threading.Event
    patience: Patience
    begun: dict[str, float] = field(default_factory=dict)
    found: dict[str, float] = field(default_factory=dict)
    failure: str = ""

    def search(self, store: Callable[[], TraceStore], count: int) -> None:
        """Search until so many traces are found, or time is up."""
        clock = self.patience.clock
        ends_at: float | None = None

        def done() -> bool:
            nonlocal ends_at
            if self.ended.is_set() and ends_at is None:
                ends_at = clock.monotonic() + self.patience.seconds
            self._ask(store)
            return len(self.found) >= count or (ends_at is not None and clock.monotonic() >= ends_at)

        self.patience.until(done, float("inf"))

    def _ask(self, store: Callable[[], TraceStore]) -> None:
        try:
            ids = store().search({RUN: self.run}, self.now - WIDE_SECONDS, self.now + WIDE_SECONDS)
            self.failure = ""
        except StoreFailed as error:
            self.failure = error.message
            return
        for trace_id in ids:
            if trace_id in self.begun and trace_id not in self.found:
                self.found[trace_id] = self.patience.clock.monotonic() - self.begun[trace_id]
