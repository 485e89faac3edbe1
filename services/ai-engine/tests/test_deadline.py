"""A deadline over many waits."""

import asyncio

import pytest

from ai_engine.deadline import Deadline


def in_seconds(seconds: float) -> Deadline:
    return Deadline(asyncio.get_running_loop().time() + seconds)


async def test_a_wait_ends_at_the_deadline_and_later_ones_at_once() -> None:
    deadline = in_seconds(0.05)
    with deadline:
        await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(TimeoutError), deadline:
            await asyncio.Event().wait()


async def test_nothing_is_interrupted_between_waits() -> None:
    deadline = in_seconds(0.0)
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError), deadline:
        pytest.fail("it is too late")


async def test_who_is_cancelled_by_others_stays_cancelled() -> None:
    for seconds in (0.0, 60.0):
        deadline = in_seconds(seconds)

        async def wait(deadline: Deadline = deadline) -> None:
            with deadline:
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        deadline.close()


async def test_a_closed_one_never_fires() -> None:
    deadline = in_seconds(0.01)
    deadline.close()
    with deadline:
        await asyncio.sleep(0.05)
