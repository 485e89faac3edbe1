"""Load beside other work: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from optimus_ops.load.result import RequestResult

Record = Callable[[RequestResult], None]
Stopped = Callable[[], bool]
Load = Callable[[Record, Stopped], Coroutine[Any, Any, None]]
RunLoop = Callable[[Coroutine[Any, Any, None]], None]


class BackgroundLoad:
    """Runs a load while the block runs; leaving it waits for the answers that are under way.

    `run` is the load, given where it records results and what tells it to stop; `run_loop` runs a coroutine to its end.
    """

    def __init__(self, run: Load, run_loop: RunLoop = asyncio.run) -> None:
        self.results: list[RequestResult] = []
        """In the order in which the requests ended; grows while the load runs."""
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(run, run_loop), name="load", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, kind: object, value: BaseException | None, traceback: object) -> None:
        """Stop, and wait."""
        self._stop.set()
        self._thread.join()
        if value is None:
            self.check()

    def check(self) -> None:
        """Raise RuntimeError if the generator failed; failed requests are results."""
        if self._error is not None:
            raise RuntimeError(f"the load generator failed: {self._error!r}") from self._error

    def _run(self, run: Load, run_loop: RunLoop) -> None:
        try:
            run_loop(run(self.results.append, self._stop.is_set))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for this one
            self._error = error
