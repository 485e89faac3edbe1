"""Faults inside the process of a task; Python imports this before anything else where PYTHONPATH names its folder.

INJECT_CLOCK=1: the clock jumps a day ahead and back, at every other look at it.
INJECT_SIGNAL=9 INJECT_STEP=3 [INJECT_AFTER=0.5]: half a second into the third step the process sends itself a signal.
"""

from __future__ import annotations

import datetime
import itertools
import os
import threading
import time
from typing import Any

DAY = 86_400.0


def let_the_clock_jump() -> None:
    """Let the clock, though not the monotonic one, jump."""
    jumps = itertools.cycle((0.0, DAY, -DAY, DAY, 0.0, -DAY))
    real_time, real_datetime = time.time, datetime.datetime

    class Jumping(real_datetime):  # type: ignore[valid-type,misc]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real_datetime.now(tz) + datetime.timedelta(seconds=next(jumps))

    time.time = lambda: real_time() + next(jumps)
    time.time_ns = lambda: int(time.time() * 1e9)
    datetime.datetime = Jumping  # type: ignore[misc]


def let_a_signal_come(number: int, step: int, after: float) -> None:
    """Let a signal come in a step of the plan, right after the journal has it that the step begins."""
    from optimus_ops.change.journal import Journal  # noqa: PLC0415 - after the clock was set, where both are injected

    write = Journal.write
    steps = itertools.count(1)

    def strike() -> None:
        os.kill(os.getpid(), number)

    def write_and_strike(journal: Journal, event: str, **facts: Any) -> None:
        write(journal, event, **facts)
        if event == "step" and next(steps) == step:
            if after:
                timer = threading.Timer(after, strike)
                timer.daemon = True
                timer.start()
            else:
                strike()

    Journal.write = write_and_strike  # type: ignore[method-assign,assignment]


if "INJECT_CLOCK" in os.environ:
    let_the_clock_jump()
if "INJECT_SIGNAL" in os.environ:
    let_a_signal_come(
        int(os.environ["INJECT_SIGNAL"]), int(os.environ["INJECT_STEP"]), float(os.environ.get("INJECT_AFTER", "0"))
    )
