"""A histogram of durations with bounded relative error, which merges without loss: log-linear buckets.

As HdrHistogram does (https://hdrhistogram.github.io/HdrHistogram/): each power of two is divided into equal buckets.
Percentiles of merged histograms are those of all samples together, which no average of percentiles is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

BITS = 7
PER_OCTAVE: int = 2**BITS
RELATIVE_ERROR = 1 / (2 * PER_OCTAVE)
"""Most by which a percentile differs from the sample: half a bucket, 0.4 %."""
LEAST_EXPONENT = -20
"""Below 2**-20 s, a microsecond, all is one bucket."""


class Histogram:
    """Counts of durations in seconds."""

    __slots__ = ("counts", "maximum", "total")

    def __init__(self, counts: Mapping[int, int] | None = None, total: float = 0.0, maximum: float = 0.0) -> None:
        self.counts: dict[int, int] = dict(counts or {})
        self.total = total
        self.maximum = maximum

    def record(self, seconds: float) -> None:
        """Count one sample; a negative one, from a clock that was set back, counts as 0."""
        index = bucket(seconds)
        self.counts[index] = self.counts.get(index, 0) + 1
        self.total += seconds
        self.maximum = max(self.maximum, seconds)

    def merge(self, other: Histogram) -> None:
        """Add the samples of another histogram."""
        for index, count in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + count
        self.total += other.total
        self.maximum = max(self.maximum, other.maximum)

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all samples."""
        whole = cls()
        for part in parts:
            whole.merge(part)
        return whole

    @property
    def count(self) -> int:
        """The number of samples."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """The mean, which is exact; None without samples."""
        count = self.count
        return self.total / count if count else None

    def percentile(self, percent: float) -> float | None:
        """Return the duration that `percent` of the samples do not exceed (nearest rank); None without samples."""
        rank = max(math.ceil(percent * self.count / 100 - 1e-9), 1)
        for index in sorted(self.counts):
            rank -= self.counts[index]
            if rank <= 0:
                return min(middle(index), self.maximum)
        return None

    def share_within(self, seconds: float) -> float | None:
        """Return the share of samples up to a duration; None without samples."""
        count, limit = self.count, bucket(seconds)
        return sum(found for index, found in self.counts.items() if index <= limit) / count if count else None


def bucket(seconds: float) -> int:
    """Return the index of the bucket that a duration is in."""
    mantissa, exponent = math.frexp(seconds)
    if seconds <= 0 or exponent <= LEAST_EXPONENT:
        return 0
    octave = (exponent - LEAST_EXPONENT) * PER_OCTAVE
    return octave + int((mantissa - 0.5) * 2 * PER_OCTAVE)


def middle(index: int) -> float:
    """Return the duration in the middle of a bucket."""
    octave, step = divmod(index, PER_OCTAVE)
    if octave <= 0:
        return 0.0
    return math.ldexp(0.5 + (step + 0.5) / (2 * PER_OCTAVE), octave + LEAST_EXPONENT)
