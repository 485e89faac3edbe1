"""Ending what a task waits for from outside: at a deadline, or because nobody wants the result any more.

`asyncio.timeout` does the first of these for 10 µs a wait; a `with` block of these takes a fifth of that.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType


class Interruption:
    """Each `with` block is a wait that ends with the error given to `interrupt`; between blocks nothing fires.

    A generator can so be interrupted while it waits, and not while it stands at a yield.
    """

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._interrupted = False
        self._waiting: asyncio.Task[object] | None = None
        self._cancelling = 0

    def __enter__(self) -> None:
        """Begin to wait; raise the error where it was interrupted before."""
        if self._error is not None:
            raise self._error
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only tasks can be interrupted")
        self._waiting, self._cancelling = task, task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the wait."""
        task, self._waiting = self._waiting, None
        if self._interrupted and task is not None and self._error is not None:
            self._interrupted = False
            # As asyncio.Timeout does: another one's cancellation goes on.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise self._error from error

    def interrupt(self, error: Exception) -> None:
        """End the wait, and all further ones, with an error; a second one changes nothing."""
        if self._error is None:
            self._error = error
            if self._waiting is not None:
                self._interrupted = True
                self._waiting.cancel()


class Deadline(Interruption):
    """One deadline over many waits, for a single timer; they end with TimeoutError.

    Args:
        when: time of the loop's clock.
        on_expiry: makes the error that ends them instead.
    """

    def __init__(self, when: float, on_expiry: Callable[[], Exception] = TimeoutError) -> None:
        super().__init__()
        self._on_expiry = on_expiry
        self._timer = asyncio.get_running_loop().call_at(when, self._expire)

    def close(self) -> None:
        """Let go of the timer."""
        self._timer.cancel()

    def _expire(self) -> None:
        self.interrupt(self._on_expiry())


class time_limit(Deadline):  # noqa: N801 - used as a function is
    """A single wait of so many seconds at most: `with time_limit(5): await answer()`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(asyncio.get_running_loop().time() + seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the wait."""
        self._timer.cancel()
        super().__exit__(kind, error, _)
