"""Bounds of what is begun while several tenants are active; measured in docs/benchmarks/fairness.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StartLimits:
    """Bounds, in seconds where they are times.

    Args:
        patience: that a request waits to be begun at most.
        shared: that more than one tenant counts as active after a request of another one than before.
        idle: a turn of the event loop that takes no more processor time did nothing else.
        least: after so long one request is begun even where the loop is never idle.
        slow: for each time that the loop is idle after so long, what was begun waits for something else: more is begun.
        begun: requests that are begun together.
        most: likewise, after a longer time.
        refusal: until a refusal is told, so that who asks again at once does so once a second and not a thousand times.
        refusals: that are not yet told; further ones are told at once.
    """

    patience: float = 2.0
    shared: float = 30.0
    idle: float = 0.000_15
    least: float = 0.02
    slow: float = 0.01
    begun: int = 3
    most: int = 24
    refusal: float = 1.0
    refusals: int = 1024
