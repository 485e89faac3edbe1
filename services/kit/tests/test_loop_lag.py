import asyncio
import time

from optimus_kit.background import background
from optimus_kit.loop_lag import TICK_SECONDS, watch_loop_lag


async def test_a_loop_that_is_busy_all_the_time_is_reported_as_late() -> None:
    late = asyncio.Event()

    def note(lag: float) -> None:
        if lag > TICK_SECONDS / 5:
            late.set()

    async with background(watch_loop_lag(note)):
        while not late.is_set():
            # Longer than a tick: whenever one is due, something is going on.
            time.sleep(2 * TICK_SECONDS)  # noqa: ASYNC251 - what is tested
            await asyncio.sleep(0)


async def test_the_lag_is_reported_again_and_again() -> None:
    reported = asyncio.Queue[float]()
    async with background(watch_loop_lag(reported.put_nowait)):
        assert min([await reported.get() for _ in range(6)]) >= 0
