"""Recorder of a run: load and observers in a thread; what they append can be read at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from typing import Any

from optimus_ops.load.background import BackgroundLoad
from optimus_ops.redis.drill.group import Group
from optimus_ops.redis.drill.observers import MasterTracker, poll_master, poll_role, record_events
from optimus_ops.redis.drill.record import RoleChange, SentinelEvent, Write
from optimus_ops.redis.drill.service_workload import ServiceEndpoint, call_service
from optimus_ops.redis.drill.writers import WriteLoad, Writer
from optimus_ops.system.wait import wait_until

POLL_SECONDS = 0.02


class Recorder(BackgroundLoad):
    """Writes and observes while it is entered; leaving it waits for the writes that are in flight."""

    def __init__(
        self,
        group: Group,
        run: str,
        master: str,
        loads: Sequence[WriteLoad],
        endpoints: Sequence[ServiceEndpoint] = (),
    ) -> None:
        super().__init__(lambda _record, stopped: self._write_and_observe(stopped))
        self.writes: list[Write] = []
        self.events: list[SentinelEvent] = []
        self.roles: list[RoleChange] = []
        self._group = group
        self._name = run
        self._master = master
        self._loads = loads
        self._endpoints = endpoints

    def events_since(self, at: float, channel: str) -> list[SentinelEvent]:
        """Return the events of a channel after a time."""
        return [event for event in tuple(self.events) if event.channel == channel and event.at > at]

    def sleep(self, seconds: float) -> None:
        """Let the load go on for so long."""
        self.wait(lambda: False, seconds)

    def wait(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Wait until a predicate holds; return whether it did in time. Raises what ended the load."""

        def holds() -> bool:
            self.check()
            return predicate()

        return wait_until(holds, seconds, poll=POLL_SECONDS)

    async def _write_and_observe(self, stopped: Callable[[], bool]) -> None:
        tracker = MasterTracker(self._master)
        observing = [asyncio.create_task(observer) for observer in self._observers(tracker)]
        await asyncio.gather(*self._writers(tracker, stopped))
        await _cancel(observing)

    def _observers(self, tracker: MasterTracker) -> Iterator[Coroutine[Any, Any, None]]:
        for sentinel in self._group.sentinels.values():
            yield record_events(sentinel, self.events, self._group.hosts, tracker)
            yield poll_master(sentinel, self._group.master, self._group.hosts, tracker)
        for server in self._group.servers.values():
            yield poll_role(server, self.roles)

    def _writers(self, tracker: MasterTracker, stopped: Callable[[], bool]) -> Iterator[Coroutine[Any, Any, None]]:
        for load in self._loads:
            for number in range(load.writers):
                writer = Writer(self._name, load.kind, number, self._group.servers, tracker, self.writes)
                yield writer.run_until(stopped, load.rate)
        for endpoint in self._endpoints:
            yield call_service(endpoint, self._name, self.writes, stopped)


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, again until they have ended: a client that is connecting may swallow a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _done, tasks = await asyncio.wait(tasks, timeout=POLL_SECONDS)
