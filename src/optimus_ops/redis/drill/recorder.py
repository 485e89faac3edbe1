"""One run's load and observers, in a thread with an event loop of their own; what they note can be read any time."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from optimus_ops.redis.drill.callers import CALLERS, RATE, Caller
from optimus_ops.redis.drill.master_tracker import Whereabouts
from optimus_ops.redis.drill.observers import ask_for_master, ask_for_role, hear
from optimus_ops.redis.drill.writers import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
    from types import TracebackType

    from optimus_ops.redis.drill.nodes import Group
    from optimus_ops.redis.drill.record import RoleSeen, SentinelEvent, Write
    from optimus_ops.redis.drill.service_workload import ServiceEndpoint
    from optimus_ops.redis.drill.writers import Pace

POLL_SECONDS = 0.02
END_SECONDS = 10.0


@dataclass
class Tape:
    """What is noted while a run lasts.

    Args:
        group: the servers and sentinels.
        run: prefix of the ids of its writes.
        master: name of the master at the beginning.
        paces: the loads that go straight to Redis.
        doors: where callers of the services come in.
        writes: every write so far; the others likewise.
    """

    group: Group
    run: str
    master: str
    paces: Sequence[Pace]
    doors: Sequence[ServiceEndpoint]
    writes: list[Write] = field(default_factory=list)
    events: list[SentinelEvent] = field(default_factory=list)
    roles: list[RoleSeen] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _stop: Callable[[], object] = lambda: None
    _failure: BaseException | None = None

    def __enter__(self) -> Self:
        """Begin to write and to listen."""
        running = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(running,), daemon=True)
        self._thread.start()
        running.wait(END_SECONDS)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End the writes that are under way, then everything."""
        self._stop()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def wait(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is true; return whether it became so in time.

        Raises:
            BaseException: whatever ended the load.
        """
        until = time.monotonic() + seconds
        while not true():
            self.check()
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def check(self) -> None:
        """Raise what ended the load before its time, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _run(self, running: threading.Event) -> None:
        try:
            asyncio.run(self._together(running))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error

    async def _together(self, running: threading.Event) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = functools.partial(loop.call_soon_threadsafe, stop.set)
        where = Whereabouts(self.master)
        watching = [asyncio.create_task(one) for one in self._watchers(where)]
        writing = [
            asyncio.create_task(
                Writer(self.run, pace.kind, number, self.group.servers, where, self.writes).write(pace.rate, stop)
            )
            for pace in self.paces
            for number in range(pace.writers)
        ]
        writing += [
            asyncio.create_task(Caller(self.run, door, number, self.writes).write(RATE, stop))
            for door in self.doors
            for number in range(CALLERS)
        ]
        running.set()
        await asyncio.gather(*writing)
        await _end(watching)

    def _watchers(self, where: Whereabouts) -> Iterator[Coroutine[Any, Any, None]]:
        for sentinel in self.group.sentinels.values():
            yield hear(sentinel, self.events, self.group.hosts, where)
            yield ask_for_master(sentinel, self.group.master, self.group.hosts, where)
        for server in self.group.servers.values():
            yield ask_for_role(server, self.roles)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks, and again until they have ended: a client that is about to connect may take one for its own."""
    left: Collection[asyncio.Task[None]] = tasks
    while left:
        for task in left:
            task.cancel()
        _done, left = await asyncio.wait(left, timeout=POLL_SECONDS)
