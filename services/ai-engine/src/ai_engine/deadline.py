"""One deadline over many waits of a task, for a timer instead of one per wait (asyncio.timeout_at costs 10 µs)."""

import asyncio
from types import TracebackType


class Deadline:
    """Each `with` block is a wait that ends with TimeoutError once the time has come; between blocks nothing fires.

    A generator can so be held to a deadline while it waits, and not while it stands at a yield.

    Args:
        when: time of the loop's clock.
    """

    def __init__(self, when: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(when, self._expire)
        self._over = self._interrupted = False
        self._waiting: asyncio.Task[object] | None = None
        self._cancelling = 0

    def __enter__(self) -> None:
        """Begin to wait; TimeoutError where it is too late."""
        if self._over:
            raise TimeoutError
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only tasks have a deadline")
        self._waiting, self._cancelling = task, task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the wait."""
        task, self._waiting = self._waiting, None
        if self._interrupted and task is not None:
            self._interrupted = False
            # As asyncio.Timeout does: another one's cancellation goes on.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def close(self) -> None:
        """Let go of the timer."""
        self._timer.cancel()

    def _expire(self) -> None:
        self._over = True
        if self._waiting is not None:
            self._interrupted = True
            self._waiting.cancel()
