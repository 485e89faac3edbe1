"""Time as a value: it passes only while somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """A clock whose sleeps return at once.

    Args:
        now: seconds since some moment.
        least: seconds that a sleep takes at least, so that few of them pass much time.
    """

    now: float = 1000.0
    least: float = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, self.least)
