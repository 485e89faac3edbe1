"""Waiting and parallel calls; time comes from a clock that is passed in, so that tests need not sleep."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, TypeVar

from optimus_ops.system.signals import signals_held

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL_SECONDS = 0.1
PARALLEL_CALLS = 16


class Clock(Protocol):
    """Time that only goes forward, and sleep."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


def wait_until(
    predicate: Callable[[], bool], seconds: float, *, poll: float = POLL_SECONDS, clock: Clock = SYSTEM_CLOCK
) -> bool:
    """Call a predicate, at least once, until it is true; False if it was not within `seconds`."""
    until = clock.monotonic() + seconds
    while not predicate():
        if clock.monotonic() >= until:
            return False
        clock.sleep(poll)
    return True


def done_within(
    seconds: float, act: Callable[[Item], Result], items: Iterable[Item], *, calls: int = PARALLEL_CALLS
) -> dict[Item, Future[Result]]:
    """Call a function with each of several items at the same time; return the calls that ended in time, by item."""
    executor = ThreadPoolExecutor(max_workers=calls)
    futures = {item: executor.submit(act, item) for item in items}
    done, _late = wait(futures.values(), timeout=seconds)
    executor.shutdown(wait=False, cancel_futures=True)
    return {item: future for item, future in futures.items() if future in done}


@contextlib.contextmanager
def parallel_calls(
    act: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    calls: int = PARALLEL_CALLS,
    stop: Callable[[], object] = lambda: None,
) -> Iterator[list[Future[Result]]]:
    """Call a function with each of several items at the same time; all calls end before the context does.

    Signals wait until all calls are submitted, and again while their end is awaited: what is raised by one in the midst
    of either would leave calls running beside whatever comes next, as an undo. Upon an error `stop` is called before
    their end is awaited, also where a signal came while they were submitted.
    """
    pool = ThreadPoolExecutor(max_workers=calls)
    try:
        with signals_held():
            futures = [pool.submit(act, item) for item in items]
        yield futures
    except BaseException:
        stop()
        raise
    finally:
        with signals_held():
            pool.shutdown()


def run_parallel(act: Callable[[Item], Result], items: Iterable[Item], *, calls: int = PARALLEL_CALLS) -> list[Result]:
    """Call a function with each of several items at the same time; return the results in their order.

    All calls end before the first error is raised.
    """
    waiting = list(items)
    if len(waiting) == 1:
        return [act(waiting[0])]
    with parallel_calls(act, waiting, calls=calls) as futures:
        return [future.result() for future in futures]
