"""Budgets: whether a stack with so many replicas at once fits its database and its host, checked before it is touched.

Formulas and reasons: `docs/budgets.md`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.stack.accounts import (
    DEFAULT_POLICY,
    NANO,
    BudgetPolicy,
    Capacity,
    Refit,
    accounts_of,
    amount,
    connections_account,
    nano,
)
from optimus_ops.stack.pools import OVERFLOW, SIZE, Pool, database_of, pools_of, with_environment
from optimus_ops.stack.published import fixed_ports, port_clashes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.stack.accounts import Account
    from optimus_ops.stack.model import Stack

__all__ = [
    "BudgetPolicy",
    "Capacity",
    "check_budgets",
    "database_of",
    "explain",
    "explain_fit",
    "fit_pool",
    "largest_fit",
    "with_environment",
]


CLASH_HINT = (
    "a service that publishes a fixed port has one replica and no surge;"
    " a limit (deploy.resources.limits.cpus) is at most what the host has"
)


def check_budgets(
    stack: Stack,
    peak: Mapping[str, int],
    capacity: Capacity,
    *,
    requested: Mapping[str, int],
    surge: Mapping[str, int] | None = None,
    policy: BudgetPolicy = DEFAULT_POLICY,
) -> None:
    """Refuse a change in whose course the stack needs more than there is.

    Args:
        stack: what is wanted.
        peak: service -> most replicas at once, surge and draining ones included; 1 for a job. One that is not named
            has none.
        capacity: what there is. Connections are not checked while `max_connections` is unknown.
        requested: service -> number of replicas that was asked for.
        surge: service -> replicas of the peak beyond the requested number, while others are replaced; if not given,
            the difference of the two.
        policy: what is kept back.

    Raises:
        Refused: with the arithmetic, the most that fits, and what else could give.
    """
    clashes = (*port_clashes(stack, peak), *_too_large(stack, peak, capacity))
    over = [account for account in accounts_of(stack, peak, capacity, policy) if account.over]
    if not clashes and not over:
        return
    extra = {name: max(peak.get(name, 0) - count, 0) for name, count in requested.items()} | dict(surge or {})
    fits = [_most(stack, peak, capacity, policy, name, more) for name, more in extra.items()]
    remedies = [_remedy(stack, peak, capacity, policy, account) for account in over]
    raise Refused(
        "\n".join([*clashes, *(f"over budget in {account.text}" for account in over)]),
        "\n  ".join([*fits, *remedies, *([CLASH_HINT] if clashes else [])]),
    )


def largest_fit(
    stack: Stack,
    peak: Mapping[str, int],
    capacity: Capacity,
    service: str,
    *,
    surge: int = 0,
    policy: BudgetPolicy = DEFAULT_POLICY,
) -> int | None:
    """Return the largest number of replicas of a service that fits beside the others.

    Args:
        stack: what is wanted.
        peak: service -> most replicas at once; the service's own number doesn't matter.
        capacity: what there is.
        service: the service.
        surge: how many more there are while replicas are replaced.
        policy: what is kept back.

    Returns:
        The number without surge; 0 if not even one fits, None if nothing bounds it.
    """
    none, one = {**peak, service: 0}, {**peak, service: 1}
    if port_clashes(stack, one) or _too_large(stack, one, capacity):
        return 0
    rooms = [1] if fixed_ports(stack.services[service]) else []
    for without, with_one in zip(
        accounts_of(stack, none, capacity, policy), accounts_of(stack, one, capacity, policy), strict=True
    ):
        each = with_one.needed - without.needed
        if without.over:
            return 0
        if without.limit is not None and each:
            rooms.append((without.limit - without.needed) // each)
    return max(min(rooms) - surge, 0) if rooms else None


def explain(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy = DEFAULT_POLICY) -> str:
    """Return the arithmetic of every budget as lines."""
    return "\n".join(account.text for account in accounts_of(stack, peak, capacity, policy))


def fit_pool(
    stack: Stack,
    peak: Mapping[str, int],
    capacity: Capacity,
    policy: BudgetPolicy = DEFAULT_POLICY,
    *,
    running: Mapping[str, int] | None = None,
) -> Mapping[str, Mapping[str, str]]:
    """Cut pools until the database has room for all of them: overflow first, then the pools, down to one connection.

    All are cut to the same size; those that are smaller anyway stay as they are.

    Args:
        stack: what is wanted.
        peak: service -> most replicas at once.
        capacity: what there is.
        policy: what is kept back.
        running: service -> replicas that run already and hold pools of the present size until they are replaced; if
            not given, all replicas are taken to start with the new size.

    Returns:
        service -> variable -> value, for the services that have to change; empty if everything fits, or if
        `max_connections` is unknown.

    Raises:
        Refused: not even the smallest pools fit.
    """
    present = pools_of(stack)
    if not present:
        return {}
    largest = max(pool.size for pool in present.values())
    sizes = range(1, max(largest + max(pool.overflow for pool in present.values()), 1) + 1)

    def cut(size: int) -> dict[str, Pool]:
        return {name: _cut(pool, size, largest) for name, pool in present.items() if peak.get(name, 0)}

    def account(size: int) -> Account:
        return connections_account(stack, peak, capacity, policy, Refit(cut(size), running or {}))

    # Accounts grow with the size, so those that are over come last; before them there are as many as the largest size
    # that fits. The last size cuts nothing.
    fitting = bisect_left(sizes, True, key=lambda size: account(size).over)
    if fitting == 0:
        least = account(1)
        raise Refused(f"even with the smallest pools over budget in {least.text}", _raise_connections(least))
    return {name: pool.environment for name, pool in cut(fitting).items() if pool != present[name]}


def explain_fit(
    stack: Stack,
    changes: Mapping[str, Mapping[str, str]],
    peak: Mapping[str, int],
    capacity: Capacity,
    policy: BudgetPolicy = DEFAULT_POLICY,
    *,
    running: Mapping[str, int] | None = None,
) -> str:
    """Return what `fit_pool` changed, and the arithmetic of it, as lines. Arguments as given there."""
    before = pools_of(stack)
    after = pools_of(with_environment(stack, changes))
    said = [
        f"{name}: {SIZE} {before[name].size} -> {pool.size}, {OVERFLOW} {before[name].overflow} -> {pool.overflow}"
        for name, pool in after.items()
        if pool != before[name]
    ]
    refit = Refit({name: after[name] for name in changes}, running or {})
    return "\n".join([*said, connections_account(stack, peak, capacity, policy, refit).text])


def _cut(pool: Pool, size: int, largest: int) -> Pool:
    """Return a pool with the pool and the overflow cut to sizes that are `size` together; overflow goes first.

    Args:
        pool: as it is.
        size: connections of a process.
        largest: what the pool alone is cut to while there is overflow.
    """
    kept = min(pool.size, size)
    # A pool that keeps none lives on its overflow: it needs one.
    overflow = min(pool.overflow, max(size - largest, 0 if kept else 1))
    return replace(pool, size=kept, overflow=overflow)


def _most(
    stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, name: str, surge: int
) -> str:
    """Return what a person can ask for instead."""
    fits = largest_fit(stack, peak, capacity, name, surge=surge, policy=policy)
    beyond = f" (and {surge} more while replicas are replaced)" if surge else ""
    if not fits:
        return f"not even {name}=1{beyond} fits beside the rest: something else has to give"
    wanted = peak.get(name, 0) - surge
    smaller = largest_fit(stack, peak, capacity, name, policy=policy) or 0
    less_surge = f", or --surge {smaller - wanted}" if wanted < smaller < wanted + surge else ""
    return f"the most that fits beside the rest: {name}={fits}{beyond}{less_surge}"


def _too_large(stack: Stack, peak: Mapping[str, int], capacity: Capacity) -> tuple[str, ...]:
    """Return a sentence for each service that the engine won't start: its limit is above the host's cores."""
    return tuple(
        f"{name}: one replica may use {service.cpus:g} cores, and this host has {capacity.cpus:g}"
        for name, service in stack.services.items()
        if peak.get(name, 0) and service.cpus is not None and nano(service.cpus) > nano(capacity.cpus)
    )


def _remedy(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, account: Account) -> str:
    """Return what else could give."""
    reserve_less = "reserve less (deploy.resources.reservations)"
    if account.kind == "memory":
        return f"{reserve_less}, or take a host with at least {amount('memory', account.needed)} of memory"
    if account.kind == "processors":
        cores = math.ceil(account.needed / NANO / policy.cpu_overcommit)
        return f"{reserve_less}, or take a host with at least {cores} cores"
    try:
        fit_pool(stack, peak, capacity, policy)
    except Refused:
        return _raise_connections(account)
    return f"let pools shrink with --fit-pool, or {_raise_connections(account)}"


def _raise_connections(account: Account) -> str:
    return f"raise {account.source} to at least {account.needed}"
