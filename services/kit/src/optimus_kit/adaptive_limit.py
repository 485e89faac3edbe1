"""How many requests a process works on at once: fewer where its event loop is late, more again where it is not.

Additive increase and multiplicative decrease, at most once for what is under way (RFC 5681, sections 3.1 and 4.3).
"""

from dataclasses import dataclass

MOST_LAG = 0.005
TURNS = 50
"""A request takes a dozen turns of the event loop, each as late as the loop is: then a quarter of its time is lost."""
DECREASE = 0.9
INCREASE = 1 / 16


@dataclass(frozen=True)
class Load:
    """What a process works on.

    Args:
        used: requests under way.
        seconds: that one takes; where that is long, being a little late costs little.
        lag: standing lag of the event loop, in seconds.
    """

    used: int
    seconds: float
    lag: float

    @property
    def late(self) -> bool:
        """Whether the event loop's lag is a good part of what a request takes."""
        return self.lag > max(MOST_LAG, self.seconds / TURNS)


def next_limit(limit: int, least: int, load: Load) -> int:
    """Return the limit after another look; the caller bounds it above.

    While more is under way than the limit, nothing can be told of the limit yet. From 32 on the increase is
    proportional: a limit of hundreds is back within seconds.
    """
    if not load.late:
        return limit + max(1, int(INCREASE * limit))
    return limit if load.used > limit else max(least, int(DECREASE * load.used))
