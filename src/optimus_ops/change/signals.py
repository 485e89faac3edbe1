"""SIGINT and SIGTERM while a change is under way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from optimus_ops.errors import Interrupted
from optimus_ops.system.signals import handled_by


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

    with handled_by(interrupt):
        yield check


@contextlib.contextmanager
def uninterrupted(notify: Callable[[], None]) -> Iterator[None]:
    """Let no SIGINT or SIGTERM cut something short; call `notify` instead."""
    with handled_by(lambda _number, _frame: notify()):
        yield
