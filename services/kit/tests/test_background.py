import asyncio

from optimus_kit.background import background


async def test_what_loses_a_cancellation_is_ended_all_the_same() -> None:
    ended = []

    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        ended.append(True)

    async with background(stubborn()):
        await asyncio.sleep(0)
    assert ended == [True]
