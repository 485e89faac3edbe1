"""Pool sizing: pools cut so that the database has connections for every replica. Reasons: `docs/budgets.md`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import DEFAULT_POLICY, Budget, BudgetPolicy, Capacity, PoolChange, connection_budget
from optimus_ops.model.pools import Pool, pools_of
from optimus_ops.model.stack import Stack


def fit_pool(
    stack: Stack,
    peak: Mapping[str, int],
    capacity: Capacity,
    policy: BudgetPolicy = DEFAULT_POLICY,
    *,
    running: Mapping[str, int] | None = None,
) -> Mapping[str, Mapping[str, str]]:
    """Cut pools until the database has connections for all: overflow first, then the pools, down to one connection.

    All are cut to the same size; those that are smaller anyway stay as they are. `peak` is service -> most replicas at
    once, `running` service -> replicas that hold pools of the present size until they are replaced (none if not given).
    Returned is service -> variable -> value, for the services that have to change; nothing while `max_connections` is
    unknown.
    """
    present = pools_of(stack)
    if not present:
        return {}
    largest = max(pool.size for pool in present.values())
    sizes = range(1, max(largest + max(pool.overflow for pool in present.values()), 1) + 1)

    def cut(size: int) -> dict[str, Pool]:
        return {name: _cut(pool, size, largest) for name, pool in present.items() if peak.get(name, 0)}

    def budget(size: int) -> Budget:
        return connection_budget(stack, peak, capacity, policy, PoolChange(cut(size), running or {}))

    # Budgets grow with the size, so those that are exceeded come last; before them there are as many as the largest
    # size that fits. The last size cuts nothing.
    fitting = bisect_left(sizes, True, key=lambda size: budget(size).exceeded)
    if fitting == 0:
        least = budget(1)
        raise Refused(f"even with the smallest pools over budget in {least.text}", raise_connections(least))
    return {name: pool.environment for name, pool in cut(fitting).items() if pool != present[name]}


def _cut(pool: Pool, size: int, largest: int) -> Pool:
    """Return a pool with `size` connections for each process at most; overflow goes first.

    `largest` is what the pool alone is cut to while there is overflow.
    """
    kept = min(pool.size, size)
    # A pool that keeps none lives on its overflow: it needs one.
    overflow = min(pool.overflow, max(size - largest, 0 if kept else 1))
    return replace(pool, size=kept, overflow=overflow)


def raise_connections(budget: Budget) -> str:
    """Return what to do where no pool is small enough."""
    return f"raise {budget.source} to at least {budget.needed}"
