"""What the processes of a replica use, read from /proc: one, or a parent and its workers as a sum."""

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Of one process; times in seconds, sizes in bytes.

    Args:
        cpu: time on a processor.
        ended_cpu: that of its children which have ended.
        started: since the machine's start.
        resident: memory.
        files: open ones, sockets included.
    """

    cpu: float
    ended_cpu: float
    started: float
    resident: int
    files: int


def usage_of(folder: Path, parent: int | None = None) -> Usage | None:
    """Return what a process uses; None where it has ended, can't be looked at, or isn't a child of `parent`."""
    try:
        # The name in brackets may hold anything.
        fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        if parent is not None and int(fields[1]) != parent:
            return None
        files = sum(1 for _ in (folder / "fd").iterdir())
    except OSError:
        return None
    user, system, ended_user, ended_system = (int(fields[place]) for place in (11, 12, 13, 14))
    started, pages = int(fields[19]), int(fields[21])
    ended = (ended_user + ended_system) / TICKS
    return Usage((user + system) / TICKS, ended, started / TICKS, pages * PAGE, files)


class ProcessUsage(Collector):
    """The usual process_ metrics.

    Args:
        root: the process; with its children where it is the parent of the workers.
        children: whether its children count.
    """

    def __init__(self, root: int, *, children: bool) -> None:
        self._root = root
        self._children = children

    def collect(self) -> Iterator[Metric]:
        """Yield them; nothing where there is no /proc."""
        root = usage_of(PROC / str(self._root))
        if root is None:
            return
        all_of_them = (root, *self._workers()) if self._children else (root,)
        # A worker that has ended is in its parent's account, so that the sum never shrinks.
        ended = root.ended_cpu if self._children else 0.0
        cpu = CounterMetricFamily("process_cpu_seconds", "Time on a processor, user and system", unit="seconds")
        cpu.add_metric((), sum(usage.cpu for usage in all_of_them) + ended)
        yield cpu
        yield _gauge("process_resident_memory_bytes", "Resident memory", sum(one.resident for one in all_of_them))
        yield _gauge("process_start_time_seconds", "Start since the epoch", booted_at() + root.started)
        yield _gauge("process_open_fds", "Open file descriptors", sum(one.files for one in all_of_them))
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield _gauge("process_max_fds", "Open file descriptors that one process may have", limit)

    def _workers(self) -> Iterator[Usage]:
        for folder in PROC.iterdir():
            if folder.name.isdigit() and (usage := usage_of(folder, self._root)):
                yield usage


def booted_at() -> float:
    """Return when the machine started, in seconds since the epoch."""
    lines = (PROC / "stat").read_text(encoding="ascii").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    unit = next((unit for unit in ("bytes", "seconds") if name.endswith(f"_{unit}")), "")
    gauge = GaugeMetricFamily(name, documentation, unit=unit)
    gauge.add_metric((), value)
    return gauge
