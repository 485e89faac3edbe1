"""What a generator hands over while it runs: a line of JSON for each second, class and tenant, and one at its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.loadtest.histogram import Histogram


@dataclass(frozen=True, slots=True)
class FlowKey:
    """A class of requests of one tenant; "" is no tenant's."""

    request_class: str
    tenant: str = ""

    def __str__(self) -> str:
        """Return both, as tables name them."""
        return f"{self.request_class} {self.tenant}".strip()


@dataclass(slots=True)
class Interval:
    """What became of the requests that were due in one second; several of one second, class and tenant add up.

    Args:
        second: since the begin of the load.
        offered: requests that were due.
        failed: kind of failure -> count.
        latency: from the intended start to the end of a right answer.
        first_token: from the intended start to the first words of a streamed answer that was whole.
        delay: from the intended start until it was sent.
    """

    second: int
    key: FlowKey
    offered: int = 0
    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    first_token: Histogram = field(default_factory=Histogram)
    delay: Histogram = field(default_factory=Histogram)

    @property
    def failures(self) -> int:
        """Requests that failed."""
        return sum(self.failed.values())

    def add(self, other: Interval) -> None:
        """Add what became of others."""
        self.offered += other.offered
        self.ok += other.ok
        for kind, count in other.failed.items():
            self.failed[kind] = self.failed.get(kind, 0) + count
        self.latency.merge(other.latency)
        self.first_token.merge(other.first_token)
        self.delay.merge(other.delay)


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """The last line of a generator: that it came to its end."""


@dataclass(frozen=True, slots=True)
class TimerDelay:
    """By how many seconds a generator woke up too late: it, or the whole machine, was short of processor."""

    seconds: float


class Recorder:
    """Collects results in a generator's process, and writes what came since the last time."""

    def __init__(self, write: Callable[[str], object]) -> None:
        """`write` gets each line, with its end."""
        self._write = write
        self._intervals: dict[tuple[int, FlowKey], Interval] = {}

    def interval(self, key: FlowKey, intended: float) -> Interval:
        """Return the interval that a request counts in, by the second in which it was due."""
        place = (int(intended), key)
        found = self._intervals.get(place)
        if found is None:
            found = self._intervals[place] = Interval(place[0], key)
        return found

    def flush(self) -> None:
        """Write what was collected."""
        intervals, self._intervals = self._intervals, {}
        for interval in intervals.values():
            self._write(encode(interval))

    def timer_delay(self, seconds: float) -> None:
        """Write by how much a timer was late."""
        self._write(f'{{"timer_delay":{seconds:.6f}}}\n')

    def end(self) -> None:
        """Write what is left, and that this is the end."""
        self.flush()
        self._write('{"end":true}\n')


def encode(interval: Interval) -> str:
    """Return an interval as a line."""
    document: dict[str, Any] = {
        "second": interval.second,
        "class": interval.key.request_class,
        "tenant": interval.key.tenant,
        "offered": interval.offered,
        "ok": interval.ok,
        "failed": interval.failed,
    }
    for name in ("latency", "first_token", "delay"):
        histogram: Histogram = getattr(interval, name)
        if histogram.counts:
            document[name] = histogram_json(histogram)
    return json.dumps(document, separators=(",", ":")) + "\n"


def decode(line: str, keys: Sequence[FlowKey] = ()) -> Interval | TimerDelay | WorkerEnd | None:
    """Return what a line says; None of one that is no record, such as a broken last line.

    `keys` are those of the flows, which a generator that writes a line for each request names by their numbers.
    """
    try:
        found = json.loads(line)
        if "request" in found:
            return _request(found["request"], keys)
        if found.get("end") is True:
            return WorkerEnd()
        if "timer_delay" in found:
            return TimerDelay(float(found["timer_delay"]))
        return Interval(
            int(found["second"]),
            FlowKey(str(found["class"]), str(found["tenant"])),
            int(found["offered"]),
            int(found["ok"]),
            {str(kind): int(count) for kind, count in found["failed"].items()},
            *(histogram_of(found.get(name, {})) for name in ("latency", "first_token", "delay")),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _request(found: Sequence[Any], keys: Sequence[FlowKey]) -> Interval:
    """Return the interval of one request: flow, when it was due, sent, answered and begun (ms), and its failure."""
    number, due, started, ended, first, failure = found
    interval = Interval(int(due / 1000), keys[number], 1)
    interval.delay.record((started - due) / 1000)
    if failure:
        interval.failed[str(failure)] = 1
        return interval
    interval.ok = 1
    interval.latency.record((ended - due) / 1000)
    if first >= 0:
        interval.first_token.record((first - due) / 1000)
    return interval


def histogram_json(histogram: Histogram) -> dict[str, Any]:
    """Return a histogram as a document."""
    return {"counts": sorted(histogram.counts.items()), "total": histogram.total, "maximum": histogram.maximum}


def histogram_of(document: Mapping[str, Any]) -> Histogram:
    """Return the histogram of a document; an empty one of an empty document."""
    counts = {int(index): int(count) for index, count in document.get("counts", ())}
    return Histogram(counts, float(document.get("total", 0)), float(document.get("maximum", 0)))
