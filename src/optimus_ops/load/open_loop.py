"""Open loop: requests start at intended times, whatever became of those before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from optimus_ops.load.client import Client
from optimus_ops.load.request import Endpoint
from optimus_ops.load.result import RequestResult
from optimus_ops.load.schedule import sleep_until
from optimus_ops.load.workload import Workload


async def run_open_loop(
    endpoint: Endpoint,
    workload: Workload,
    starts: Sequence[float],
    connections: int,
    record: Callable[[RequestResult], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send a request at each start time, on the first of the connections that is free.

    Where all are busy a request waits, and its latency counts that wait, because it begins at the intended start: no
    coordinated omission (https://github.com/giltene/wrk2 explains the term). Starts are seconds from now, ascending.
    What `record` raises ends the load; the event loop's timers have to follow `clock`.
    """
    clients = [Client(endpoint, clock) for _ in range(connections)]
    # First in, first out: each connection is used often enough that the server doesn't close it for idling.
    free: asyncio.Queue[Client] = asyncio.Queue()

    async def send(number: int, intended: float) -> None:
        request = workload.request(0, number)
        client = await free.get()
        record(await client.send(request, workload.judge, intended))
        free.put_nowait(client)

    try:
        for client in clients:
            with suppress(OSError):  # a request that can't connect either is a result
                await client.connect()
            free.put_nowait(client)
        begin = clock()
        async with asyncio.TaskGroup() as group:
            for number, start in enumerate(starts):
                await sleep_until(begin + start, clock)
                group.create_task(send(number, begin + start))
    finally:
        for client in clients:
            client.close()
