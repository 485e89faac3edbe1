"""Closed loop: each client waits for its answer before it asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from optimus_ops.load.client import Client
from optimus_ops.load.request import Endpoint
from optimus_ops.load.result import RequestResult
from optimus_ops.load.schedule import sleep_until
from optimus_ops.load.workload import Workload


@dataclass(frozen=True, slots=True)
class Pace:
    """How many clients, each with a connection of its own, ask, and how fast; in seconds.

    Args:
        ramp: over which the clients begin.
        interval: least time between two starts of a client; 0 asks again at once.
        pause_after_error: keeps clients that are refused at once from crowding out the others.
    """

    clients: int
    ramp: float = 0.0
    interval: float = 0.0
    pause_after_error: float = 0.0


async def run_closed_loop(
    endpoint: Endpoint,
    workload: Workload,
    pace: Pace,
    record: Callable[[RequestResult], None],
    stopped: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send requests until stopped; those under way then are waited for.

    A slow server slows the clients down, so that latencies say nothing about users who come on their own: use
    `run_open_loop` for those. What `record` raises ends the load; the event loop's timers have to follow `clock`.
    """

    async def run_client(index: int) -> None:
        client, number = Client(endpoint, clock), 0
        due = begin + pace.ramp * index / pace.clients
        await sleep_until(due, clock)
        try:
            while not stopped():
                result = await client.send(workload.request(index, number), workload.judge)
                record(result)
                number += 1
                due = max(due + pace.interval, result.ended + (pace.pause_after_error if result.error else 0))
                await sleep_until(due, clock)
        finally:
            client.close()

    begin = clock()
    async with asyncio.TaskGroup() as group:
        for index in range(pace.clients):
            group.create_task(run_client(index))
