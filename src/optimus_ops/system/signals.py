"""SIGINT and SIGTERM: handlers for a while, and whom Ctrl-C reaches."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
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


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM have their effect at the end only; other threads than the main one get none anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    try:
        with handled_by(lambda number, _frame: received.append(number)):
            yield
    finally:
        if received:
            signal.raise_signal(received[0])


def in_foreground() -> bool:
    """Tell whether a terminal sends Ctrl-C to this process and those that it started."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
