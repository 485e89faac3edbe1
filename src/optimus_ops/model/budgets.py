"""Budgets: whether a stack with so many replicas at once fits its database and its host, checked before it is touched.

Formulas and reasons: `docs/budgets.md`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    DEFAULT_POLICY,
    NANO,
    BudgetPolicy,
    Capacity,
    accounts_of,
    amount,
    nano,
)
from optimus_ops.model.pool_sizing import explain_fit, fit_pool, raise_connections
from optimus_ops.model.pools import database_of, with_environment
from optimus_ops.model.port_conflicts import fixed_ports, port_clashes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.model.budget_items import Account
    from optimus_ops.model.stack import Stack

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
    fits = _fits(stack, peak, capacity, policy, extra)
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


def _fits(
    stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, surge: Mapping[str, int]
) -> list[str]:
    """Return what a person can ask for instead, of the services with a surge (0 for none)."""
    alone = {name: largest_fit(stack, peak, capacity, name, surge=more, policy=policy) for name, more in surge.items()}
    found = [
        f"the most that fits beside the rest: {_with_surge(name, count, surge[name])}"
        f"{_smaller_surge(stack, peak, capacity, policy, name, surge[name])}"
        for name, count in alone.items()
        if count
    ]
    if found or not surge:
        return found
    wanted = {name: max(peak.get(name, 0) - more, 1) for name, more in surge.items()}
    for most in range(max(wanted.values()), 0, -1):
        cut = {name: min(count, most) for name, count in wanted.items()}
        whole = {**peak, **{name: count + surge[name] for name, count in cut.items()}}
        if _passes(stack, whole, capacity, policy):
            return [f"what fits: {', '.join(_with_surge(name, count, surge[name]) for name, count in cut.items())}"]
    least = ", ".join(_with_surge(name, 1, more) for name, more in surge.items())
    return [f"not even {least} fits beside the rest: something else has to give"]


def _with_surge(name: str, count: int, surge: int) -> str:
    return f"{name}={count}" + (f" (and {surge} more while replicas are replaced)" if surge else "")


def _smaller_surge(
    stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, name: str, surge: int
) -> str:
    wanted = peak.get(name, 0) - surge
    whole = largest_fit(stack, peak, capacity, name, policy=policy) or 0
    return f", or --surge {whole - wanted}" if wanted < whole < wanted + surge else ""


def _passes(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy) -> bool:
    over = any(account.over for account in accounts_of(stack, peak, capacity, policy))
    return not (over or port_clashes(stack, peak) or _too_large(stack, peak, capacity))


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
        return raise_connections(account)
    return f"let pools shrink with --fit-pool, or {raise_connections(account)}"
