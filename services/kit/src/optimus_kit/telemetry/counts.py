"""What has become of the spans of this process."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class SpanCounts:
    """Counts since the start.

    Args:
        exported: spans that the collector has taken.
        dropped: spans that were lost: the queue was full, their batch failed, or the process ended.
        failed_exports: batches that the collector did not take.
    """

    exported: int = 0
    dropped: int = 0
    failed_exports: int = 0


class Counter:
    """Counts from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = SpanCounts()

    def add(self, *, exported: int = 0, dropped: int = 0, failed_exports: int = 0) -> None:
        """Count."""
        with self._lock:
            now = self._counts
            self._counts = SpanCounts(
                now.exported + exported, now.dropped + dropped, now.failed_exports + failed_exports
            )

    def counts(self) -> SpanCounts:
        """Return the counts as they are now."""
        return self._counts
