"""Running something beside the main work, and ending it for certain."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

_RETRY_SECONDS = 0.2


@asynccontextmanager
async def background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run `work` until the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        # More than once: redis-py loses a cancellation that comes while it connects.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_RETRY_SECONDS)
