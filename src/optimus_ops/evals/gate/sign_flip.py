"""The exact randomisation test for few clusters: under no difference a cluster's sum is as likely to be its negative.

With C clusters the smallest p-value is 2 to the power of -C, so five are needed for 5 %.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

CLOSE = 1e-12
STEPS = 50

ClusterSum = tuple[float, int]
"""Sum of the differences in a cluster, and how many they are."""


def p_value(clusters: Sequence[ClusterSum], shift: float = 0.0) -> float:
    """Return the share of all sign changes whose sum is as low as the one seen, each difference less `shift`.

    All 2**C are tried: fewer than ten clusters are expected.
    """
    totals = [total - size * shift for total, size in clusters]
    seen = math.fsum(totals)
    flips = itertools.product((1.0, -1.0), repeat=len(totals))
    as_low = sum(math.fsum(map(float.__mul__, signs, totals)) <= seen + CLOSE for signs in flips)
    return as_low / float(2 ** len(totals))


def lower_bound(clusters: Sequence[ClusterSum], alpha: float) -> float:
    """Return the lowest mean difference that the test does not reject at `alpha`; -1 where it can reject none.

    Found by halving: the p-value falls as the shift does.
    """
    mirrored = [(-total, size) for total, size in clusters]
    low, high = -1.0, math.fsum(total for total, _ in clusters) / sum(size for _, size in clusters)
    if p_value(mirrored, 1.0) > alpha:
        return -1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if p_value(mirrored, -middle) <= alpha:
            low = middle
        else:
            high = middle
    return low
