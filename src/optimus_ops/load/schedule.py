"""Intended start times."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from optimus_ops.load.rates import Stage, poisson_times


def poisson_starts(rate: float, seconds: float, seed: int) -> list[float]:
    """Return start times of independent users (a Poisson process), in seconds from the beginning, all before `seconds`.

    The rate is the mean of requests per second, above 0; the same seed gives the same times.
    """
    numbers = random.Random(seed)  # noqa: S311 - the same load each time is the point
    return list(poisson_times((Stage(0.0, rate),), seconds, numbers))


async def sleep_until(due: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Sleep until a time on the clock, never less: timers of an event loop may fire up to 1 ms early."""
    while (seconds := due - clock()) > 0:  # noqa: ASYNC110 - time is what is waited for
        await asyncio.sleep(seconds)
