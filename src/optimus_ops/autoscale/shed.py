"""Who sends more than a fair share where not all can be served."""

from __future__ import annotations

from collections.abc import Mapping


def fair_excess(rates: Mapping[str, float], served: float) -> dict[str, float]:
    """Return tenant -> requests per second beyond its max-min fair share of what can be served.

    Nobody gets more than it asks for, and what one leaves is shared by the others (Bertsekas and Gallager, "Data
    Networks", 1992, section 6.5.2).
    """
    left, excess = max(served, 0.0), {}
    waiting = sorted(rates.items(), key=lambda item: (item[1], item[0]))
    for number, (tenant, rate) in enumerate(waiting):
        share = min(rate, left / (len(waiting) - number))
        left -= share
        if rate - share > 1e-9:
            excess[tenant] = rate - share
    return dict(sorted(excess.items(), key=lambda item: (-item[1], item[0])))
