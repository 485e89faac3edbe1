"""Waits that end at a deadline, or are ended by others."""

import asyncio

import pytest

from optimus_kit.interruption import Deadline, Interruption, time_limit


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


async def test_a_wait_that_is_interrupted_ends_with_the_error_given_and_so_do_later_ones() -> None:
    interruption, gone = Interruption(), ConnectionError("gone")
    asyncio.get_running_loop().call_soon(interruption.interrupt, gone)
    asyncio.get_running_loop().call_soon(interruption.interrupt, ValueError("too late"))
    for _ in range(2):
        with pytest.raises(ConnectionError) as raised, interruption:
            await asyncio.Event().wait()
        assert raised.value is gone
    task = asyncio.current_task()
    assert task
    assert not task.cancelling()


async def test_what_is_there_already_is_not_taken_away_by_an_interruption_afterwards() -> None:
    interruption = Interruption()
    with interruption:
        await asyncio.sleep(0)
    interruption.interrupt(ConnectionError())
    await asyncio.sleep(0)


async def test_a_time_limit_holds_for_one_wait() -> None:
    with pytest.raises(TimeoutError), time_limit(0.01):
        await asyncio.Event().wait()
    with time_limit(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
