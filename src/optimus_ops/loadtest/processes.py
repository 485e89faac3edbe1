"""The generators' processes: started with pipes for their records, watched, and ended."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.loadtest.engines.choose import WorkerStart
from optimus_ops.loadtest.generator.spec import VARIABLE
from optimus_ops.loadtest.records import FlowKey, Interval, TimerDelay, WorkerEnd, decode
from optimus_ops.system.process import end_session

TICKS = os.sysconf("SC_CLK_TCK")
SHOWN_WORDS = 600


@dataclass
class Worker:
    """One generator's process.

    Args:
        process: its process.
        records: where its records come from.
        begin: where it is told to begin.
        spec: file with what it is told.
        words: file with what it says for people.
        keys: of its flows.
        cpu: its share of a core in each second so far.
        timer_delays: by how many seconds its timers were late.
    """

    number: int
    process: subprocess.Popen[bytes]
    records: int
    begin: int
    spec: Path
    words: Path
    keys: Sequence[FlowKey] = ()
    ready: bool = False
    open: bool = True
    finished: bool = False
    cpu: list[float] = field(default_factory=list)
    timer_delays: list[float] = field(default_factory=list)
    _rest: bytes = b""
    _cpu_at: tuple[float, float] | None = None

    def read(self) -> Iterator[Interval]:
        """Give the intervals that have come; notes that it is ready, or ended."""
        content = os.read(self.records, 1 << 20)
        if not content:
            self.open = False
            return
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            if line == b'{"ready":true}':
                self.ready = True
            match decode(line.decode("utf-8", "replace"), self.keys):
                case Interval() as interval:
                    yield interval
                case TimerDelay(seconds):
                    self.timer_delays.append(seconds)
                case WorkerEnd():
                    self.finished = True

    def sample_cpu(self, now: float) -> None:
        """Note its use of processors since the last time; nothing where the system does not tell."""
        used = processor_seconds(self.process.pid)
        if used is not None and self._cpu_at is not None and now - self._cpu_at[0] > 0.2:
            self.cpu.append((used - self._cpu_at[1]) / (now - self._cpu_at[0]))
        if used is not None:
            self._cpu_at = (now, used)

    def last_words(self) -> str:
        """Return the end of what it said."""
        with suppress(OSError):
            return self.words.read_text("utf-8", "replace")[-SHOWN_WORDS:].strip()
        return ""


def processor_seconds(pid: int) -> float | None:
    """Return the processor time of a process, by proc(5); None where it is gone or the system has no such file."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except (OSError, IndexError, ValueError):
        return None


@contextmanager
def started_workers(starts: Sequence[WorkerStart], folder: Path, environ: Mapping[str, str]) -> Iterator[list[Worker]]:
    """Start workers, each with its document in a private file; all have ended afterwards."""
    workers: list[Worker] = []
    try:
        for number, start in enumerate(starts):
            workers.append(_start(number, start, folder, environ))
        yield workers
    finally:
        for worker in workers:
            end_session(worker.process)
            os.close(worker.records)
            os.close(worker.begin)


def _start(number: int, start: WorkerStart, folder: Path, environ: Mapping[str, str]) -> Worker:
    records, write = os.pipe()
    read, begin = os.pipe()
    spec, words = folder / f"worker-{number}.json", folder / f"worker-{number}.log"
    descriptor = os.open(spec, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**start.document, "records": write, "begin": read}, file)
    try:
        with words.open("wb") as log:
            process = subprocess.Popen(
                [text.replace("{records}", str(write)) for text in start.command],
                env={**environ, **start.environ, VARIABLE: str(spec)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(write, read),
                start_new_session=True,
            )
    finally:
        os.close(write)
        os.close(read)
    keys = [FlowKey(flow["class"], flow["tenant"]) for flow in start.document["flows"]]
    return Worker(number, process, records, begin, spec, words, keys)


def follow(workers: Sequence[Worker], take: Callable[[Interval], object], tick: Callable[[], bool]) -> None:
    """Read records until all workers have closed their pipes, or `tick`, called at least twice a second, says stop."""
    sampled = 0.0
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.records, selectors.EVENT_READ, worker)
        while any(worker.open for worker in workers) and tick():
            for key, _events in selector.select(0.25):
                worker = key.data
                for interval in worker.read():
                    take(interval)
                if not worker.open:
                    selector.unregister(worker.records)
            if (now := time.monotonic()) - sampled >= 1:
                sampled = now
                for worker in workers:
                    worker.sample_cpu(now)
