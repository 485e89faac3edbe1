"""Significance of a difference between two groups: two tests that assume no distribution of the data."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence


def fisher(new_hits: int, new_total: int, old_hits: int, old_total: int) -> float:
    """Return the probability of so many hits among the new ones or more, if new and old differ in nothing.

    One-sided exact test of Fisher: with all hits given, each way to spread them over all is equally likely
    (hypergeometric distribution). True for any sizes; its false alarms are at most as many as the level says.
    """
    hits, total = new_hits + old_hits, new_total + old_total
    most, least = min(hits, new_total), max(0, hits - old_total)
    if new_hits <= least:
        return 1.0
    logarithm = _choose(new_total, new_hits) + _choose(old_total, hits - new_hits) - _choose(total, hits)
    # Beyond the most likely number terms only get smaller, and soon add nothing.
    term, found = 1.0, 0.0
    for count in range(new_hits, most + 1):
        found += term
        following = (new_total - count) * (hits - count) / ((count + 1) * (old_total - hits + count + 1))
        term *= following
        if following < 1 and term < found * 1e-16:
            break
    return min(1.0, math.exp(min(0.0, logarithm + math.log(found))))


def _choose(total: int, count: int) -> float:
    """Return the logarithm of the number of ways to choose `count` of `total`."""
    return math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)


def mann_whitney(new: Sequence[float], old: Sequence[float]) -> float:
    """Return the probability that the new values rank as high as they do or higher, if new and old differ in nothing.

    One-sided test of Mann and Whitney, with the normal approximation corrected for ties and for continuity; good from
    about ten values on each side. Only ranks count, so that a few values that are a hundred times the others weigh no
    more than others.

    Source: https://en.wikipedia.org/wiki/Mann-Whitney_U_test
    """
    if not new or not old:
        return 1.0
    pooled = sorted([*new, *old])
    total, ties, rank_sum = len(pooled), 0.0, 0.0
    for value in new:
        # Equal values share the mean of their ranks.
        rank_sum += (bisect.bisect_left(pooled, value) + bisect.bisect_right(pooled, value) + 1) / 2
    start = 0
    while start < total:
        end = bisect.bisect_right(pooled, pooled[start], start)
        ties += (end - start) ** 3 - (end - start)
        start = end
    above = rank_sum - len(new) * (len(new) + 1) / 2
    pairs = len(new) * len(old)
    variance = pairs / 12 * (total + 1 - ties / (total * max(total - 1, 1)))
    if variance <= 0:
        return 1.0
    deviation = (above - pairs / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(deviation / math.sqrt(2))
