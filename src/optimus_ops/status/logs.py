"""`invoke logs`: what replicas write, those that come later included."""

from __future__ import annotations

import contextlib
import queue
import select
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import MachineLacks, OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.status.execute import compose_of
from optimus_ops.status.log_lines import Assembler, LogLine, Prefixer, in_order
from optimus_ops.text.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.engine.port import Engine
    from optimus_ops.engine.values import ContainerStart
    from optimus_ops.model.state import State
    from optimus_ops.project.settings import Project

DEFAULT_TAIL = "100"
QUIET_SECONDS = 0.25
"""The beginning is over when nothing came for so long; it is printed in the order of time."""
BEGINNING_SECONDS = 2.0
BATCH_LINES = 5000
GRACE_SECONDS = 3.0
"""How long to wait for a successor after the last replica ended."""


def follow(services: Sequence[str], *, json: bool) -> None:
    """Follow replicas until they end or somebody stops it.

    Args:
        services: their services; all if empty.
        json: whether standard output belongs to a JSON document; lines go to standard error then.
    """
    logs(services, follow=True, tail=DEFAULT_TAIL, to_stderr=json)


def logs(services: Sequence[str], *, follow: bool, tail: str, to_stderr: bool = False) -> None:
    """Print what replicas write.

    Args:
        services: their services; all if empty.
        follow: whether to go on as lines are written, replicas that come later included.
        tail: lines of each replica to begin with, or `all`.
        to_stderr: whether lines go to standard error.

    Raises:
        Refused: a service is unknown, or `tail` is no number.
        MachineLacks: no engine answers, or it stopped answering.
    """
    lines = parse_tail(tail)
    project = load_project()
    engine = DockerEngine.connect()
    console = Console.for_stream(sys.stderr if to_stderr else sys.stdout)
    # Without a time limit: a stream of lines may be silent for hours.
    streams = Streams(engine.within(None), project.name, frozenset(services), follow, lines)
    prefixer = Prefixer(project.name, console.colour)
    if follow:
        streams.watch()
    state = engine.observe(project.name)
    check_services(project, state, services)
    replicas = [replica for replica in state.replicas if not services or replica.service in services]
    if not replicas:
        console.say(f"{project.name}: nothing to show, no replica of {', '.join(services) or 'it'} is there")
        return
    for replica in replicas:
        prefixer.know(replica.name)
        streams.add(replica.id, replica.name)
    for batch in streams.batches():
        if reader_gone(console.stream):
            raise BrokenPipeError
        console.stream.write("".join(f"{prefixer.show(line)}\n" for line in batch))
        console.stream.flush()
    if follow:
        if not engine.answers():
            raise MachineLacks("the Docker engine stopped answering", "look at it with: invoke doctor")
        console.say(f"{project.name}: the last of these replicas ended")


def reader_gone(stream: TextIO) -> bool:
    """Tell whether nobody reads a pipe any more (`| head`), also while there is nothing to write."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLERR)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def parse_tail(text: str) -> int | str:
    """Return a number of lines, or `all`.

    Raises:
        Refused: it is neither.
    """
    if text == "all":
        return text
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refused(f"--tail {text}: a number of lines or `all` is wanted")
    return int(text)


def check_services(project: Project, state: State, services: Sequence[str]) -> None:
    """Raise `Refused` if a service is neither among the replicas nor in the files.

    Raises:
        Refused: as said.
    """
    known = {replica.service for replica in state.replicas}
    if set(services) <= known:
        return
    compose = compose_of(project)
    # Files that can't be read name no service; those that have replicas are known all the same.
    with contextlib.suppress(OpsError):
        known |= set(compose.stack().services) if compose else set()
    for name in services:
        if name not in known:
            raise Refused(f"no service {name!r}", f"services: {', '.join(sorted(known)) or 'none'}")


@dataclass
class Streams:
    """The streams of several replicas, each read by a thread of its own.

    Args:
        engine: the engine, without a time limit.
        project: the Compose project.
        services: services of interest; all if empty.
        follow: whether streams go on.
        tail: lines of each to begin with.
    """

    engine: Engine
    project: str
    services: frozenset[str]
    follow: bool
    tail: int | str
    _lines: queue.SimpleQueue[LogLine | None] = field(default_factory=queue.SimpleQueue)
    _active: set[str] = field(default_factory=set)
    _latest: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, container: str, replica: str, *, since: int | None = None) -> None:
        """Read a container's stream, unless it is being read.

        Args:
            container: its id.
            replica: its name.
            since: only lines from this time on (seconds since 1970); None for the last lines.
        """
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
            # The engine is gone; the streams end as well, and that is where it is said.
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
                self._lines.put(line)
                self._latest[container] = max(line.stamp, self._latest.get(container, ""))

    def batches(self) -> Iterator[list[LogLine]]:
        """Give lines as they come, the beginning in the order of time; ends when every stream has ended.

        A batch may be empty: nothing came for a moment.
        """
        yield in_order(self._beginning())
        idle_since = time.monotonic()
        while self._active or (self.follow and time.monotonic() - idle_since < GRACE_SECONDS):
            if self._active:
                idle_since = time.monotonic()
            yield self._waiting(QUIET_SECONDS)
        if batch := self._waiting(0.0):
            yield batch

    def _beginning(self) -> list[LogLine]:
        until = time.monotonic() + BEGINNING_SECONDS
        lines: list[LogLine] = []
        while time.monotonic() < until or not self.follow:
            batch = self._waiting(QUIET_SECONDS)
            lines += batch
            if not self._active or (self.follow and not batch):
                break
        return lines + self._waiting(0.0)

    def _waiting(self, seconds: float) -> list[LogLine]:
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
