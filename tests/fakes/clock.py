"""Time as a value: it passes only while somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """A clock whose sleeps return at once.

    Args:
        now: seconds since some moment.
        least: seconds that a sleep takes at least, so that few of them pass much time.
        alarms: what happens at a time, once.
    """

    now: float = 1000.0
    least: float = 0.0
    alarms: dict[float, Callable[[], None]] = field(default_factory=dict)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, self.least)
        for time in [time for time in self.alarms if time <= self.now]:
            self.alarms.pop(time)()
