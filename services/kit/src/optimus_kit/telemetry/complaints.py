"""Log lines about lost spans: one a minute at most, and one when spans are taken again."""

import logging
import time
from collections.abc import Callable

SECONDS = 60.0

log = logging.getLogger("optimus.telemetry")


class Complaints:
    """Told the outcome of each batch.

    Args:
        dropped: tells how many spans were lost so far.
        clock: monotonic, in seconds.
    """

    def __init__(self, dropped: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._dropped = dropped
        self._clock = clock
        self._said_at = float("-inf")
        self._failing = False

    def __call__(self, problem: str | None) -> None:
        """Take an outcome: why a batch was not taken, or None for one that was."""
        if problem is None:
            if self._failing:
                self._failing = False
                log.info("spans are exported again; %d were dropped so far", self._dropped())
            return
        if self._clock() - self._said_at >= SECONDS:
            self._said_at = self._clock()
            self._failing = True
            log.warning("spans are not exported: %s; %d were dropped before", problem, self._dropped())
