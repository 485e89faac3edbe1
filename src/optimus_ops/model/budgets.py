"""Budget checks: whether a stack with so many replicas at once fits its database and its host.

Formulas and reasons: `docs/budgets.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    DEFAULT_POLICY,
    NANO,
    Budget,
    BudgetPolicy,
    Capacity,
    amount_text,
    budgets_of,
    nano,
)
from optimus_ops.model.pool_sizing import fit_pool, raise_connections
from optimus_ops.model.port_conflicts import fixed_ports, port_conflicts
from optimus_ops.model.stack import Stack

CONFLICT_HINT = (
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
    """Refuse a change in whose course the stack needs more than there is, with the arithmetic and the most that fits.

    `peak` is service -> most replicas at once, surge and draining ones included (1 for a job), `requested` those that
    were asked for, `surge` those beyond them while others are replaced (the difference of the two if not given).
    Connections are not checked while `max_connections` is unknown.
    """
    limits = Limits(stack, capacity, policy)
    conflicts = limits.conflicts(peak)
    exceeded = [budget for budget in limits.budgets(peak) if budget.exceeded]
    if not conflicts and not exceeded:
        return
    extra = {name: max(peak.get(name, 0) - count, 0) for name, count in requested.items()} | dict(surge or {})
    remedies = [_remedy(limits, peak, budget) for budget in exceeded]
    raise Refused(
        "\n".join([*conflicts, *(f"over budget in {budget.text}" for budget in exceeded)]),
        "\n  ".join([*_fits(limits, peak, extra), *remedies, *([CONFLICT_HINT] if conflicts else [])]),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What numbers of replicas have to stay within."""

    stack: Stack
    capacity: Capacity
    policy: BudgetPolicy = DEFAULT_POLICY

    def budgets(self, peak: Mapping[str, int]) -> tuple[Budget, ...]:
        """Return the budgets with so many replicas at once."""
        return budgets_of(self.stack, peak, self.capacity, self.policy)

    def conflicts(self, peak: Mapping[str, int]) -> tuple[str, ...]:
        """Return a sentence for each fixed port that two replicas want, and each limit above the host's cores."""
        host = self.capacity.cpus
        too_large = (
            f"{name}: one replica may use {service.cpus:g} cores, and this host has {host:g}"
            for name, service in self.stack.services.items()
            if peak.get(name, 0) and service.cpus is not None and nano(service.cpus) > nano(host)
        )
        return (*port_conflicts(self.stack, peak), *too_large)

    def fits(self, peak: Mapping[str, int]) -> bool:
        """Tell whether so many replicas fit."""
        return not self.conflicts(peak) and not any(budget.exceeded for budget in self.budgets(peak))

    def largest(self, peak: Mapping[str, int], service: str, *, surge: int = 0) -> int | None:
        """Return the largest number of replicas of a service that fits beside the others, the surge not counted.

        0 if not even one fits, None if nothing bounds it. The service's own number in `peak` doesn't matter.
        """
        without, single = {**peak, service: 0}, {**peak, service: 1}
        if self.conflicts(single):
            return 0
        bounds = [1] if fixed_ports(self.stack.services[service]) else []
        for rest, whole in zip(self.budgets(without), self.budgets(single), strict=True):
            each = whole.needed - rest.needed
            if rest.exceeded:
                return 0
            if rest.limit is not None and each:
                bounds.append((rest.limit - rest.needed) // each)
        return max(min(bounds) - surge, 0) if bounds else None


def _fits(limits: Limits, peak: Mapping[str, int], surge: Mapping[str, int]) -> list[str]:
    """Return what a person can ask for instead, of the services with a surge (0 for none)."""
    alone = {name: limits.largest(peak, name, surge=extra) for name, extra in surge.items()}
    found = [
        f"the most that fits beside the rest: {_with_surge(name, count, surge[name])}"
        f"{_smaller_surge(limits, peak, name, surge[name])}"
        for name, count in alone.items()
        if count
    ]
    if found or not surge:
        return found
    wanted = {name: max(peak.get(name, 0) - extra, 1) for name, extra in surge.items()}
    for most in range(max(wanted.values()), 0, -1):
        cut = {name: min(count, most) for name, count in wanted.items()}
        if limits.fits({**peak, **{name: count + surge[name] for name, count in cut.items()}}):
            return [f"what fits: {', '.join(_with_surge(name, count, surge[name]) for name, count in cut.items())}"]
    least = ", ".join(_with_surge(name, 1, extra) for name, extra in surge.items())
    return [f"not even {least} fits beside the rest: something else has to give"]


def _with_surge(name: str, count: int, surge: int) -> str:
    return f"{name}={count}" + (f" (and {surge} more while replicas are replaced)" if surge else "")


def _smaller_surge(limits: Limits, peak: Mapping[str, int], name: str, surge: int) -> str:
    wanted, most = peak.get(name, 0) - surge, limits.largest(peak, name) or 0
    return f", or --surge {most - wanted}" if wanted < most < wanted + surge else ""


def _remedy(limits: Limits, peak: Mapping[str, int], budget: Budget) -> str:
    """Return what else could give."""
    reserve_less = "reserve less (deploy.resources.reservations)"
    if budget.resource == "memory":
        return f"{reserve_less}, or take a host with at least {amount_text('memory', budget.needed)} of memory"
    if budget.resource == "processors":
        cores = math.ceil(budget.needed / NANO / limits.policy.cpu_overcommit)
        return f"{reserve_less}, or take a host with at least {cores} cores"
    try:
        fit_pool(limits.stack, peak, limits.capacity, limits.policy)
    except Refused:
        return raise_connections(budget)
    return f"let pools shrink with --fit-pool, or {raise_connections(budget)}"
