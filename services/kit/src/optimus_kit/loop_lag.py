"""How late the event loop is: the queue in front of everything that a process does."""

import asyncio
from collections import deque
from collections.abc import Callable

TICK_SECONDS = 0.05
TICKS = 4


async def watch_loop_lag(report: Callable[[float], None]) -> None:
    """Report the standing lag every TICK_SECONDS, until cancelled.

    It is the least of the last few, in seconds: a pause that passes is no queue, one that stays is
    (https://www.rfc-editor.org/rfc/rfc8289#section-3).
    """
    lags: deque[float] = deque(maxlen=TICKS)
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        due = max(due, clock()) + TICK_SECONDS
        await asyncio.sleep(due - clock())
        lags.append(clock() - due)
        report(min(lags))
