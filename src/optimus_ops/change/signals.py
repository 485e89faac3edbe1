"""SIGINT and SIGTERM while a change is under way."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

from optimus_ops.errors import Interrupted


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Let SIGINT and SIGTERM raise `Interrupted`; yield a function that raises one again that got lost.

    Python drops what is raised while an object is being freed, and a library may catch everything. A signal that was
    ignored before (as `nohup … &` does) still is.
    """
    received: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        received.append(number)
        raise Interrupted(number)

    def check() -> None:
        if received:
            raise Interrupted(received[0])

    with _handled_by(interrupt):
        yield check


@contextlib.contextmanager
def uninterrupted(notify: Callable[[], None]) -> Iterator[None]:
    """Let no SIGINT or SIGTERM cut something short; call `notify` instead."""
    with _handled_by(lambda _number, _frame: notify()):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Set a handler for SIGINT and SIGTERM where they are not ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = {number: former for number, former in before.items() if former != signal.SIG_IGN}
    try:
        for number in handled:
            signal.signal(number, handler)
        yield
    finally:
        for number, former in handled.items():
            signal.signal(number, former)
