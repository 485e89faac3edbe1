"""Budgets of a plan, checked before anything is touched; database pools are lowered on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from optimus_ops.engine.capacity import observe_capacity
from optimus_ops.engine.port import Engine
from optimus_ops.model.budget_items import BudgetPolicy, Capacity
from optimus_ops.model.budgets import check_budgets
from optimus_ops.model.pool_sizing import fit_pool
from optimus_ops.model.pools import database_of, pools_of
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.deploy import peak_replicas
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import CheckBudgets, Migrate, RunJob, Start
from optimus_ops.stack.context import StackContext


@dataclass(frozen=True)
class BudgetCheck:
    """What a plan is checked against; `requested` are the replicas of services that were asked for."""

    engine: Engine
    stack: Stack
    state: State
    requested: Mapping[str, int]
    policy: BudgetPolicy

    @classmethod
    def of(cls, context: StackContext, stack: Stack, state: State, requested: Mapping[str, int]) -> Self:
        """Return the check of a plan for an open stack."""
        return cls(context.docker, stack, state, requested, BudgetPolicy.of(context.project.budgets))

    def within_budget(self, plan: Plan) -> Plan:
        """Return the plan, with a check of its own where the database can't be asked before it runs.

        Raises:
            Refused: the stack would need more than there is, at the moment when most replicas exist at once.
        """
        peak = self._peak(plan)
        started = {name for step in plan.steps if isinstance(step, Start) for name, _count in step.counts}
        if not started:
            return plan
        capacity = self._capacity(started)
        requested = {name: count for name, count in self.requested.items() if name in started}
        check_budgets(self.stack, peak, capacity, requested=requested, policy=self.policy)
        pooled = started & set(pools_of(self.stack))
        if capacity.max_connections is not None or not pooled or database_of(self.stack) is None:
            return plan
        check = CheckBudgets(peak=tuple(peak.items()), cause=Cause("the database could not be asked before it ran"))
        return replace(plan, steps=_before_replicas(plan.steps, check))

    def fitting_pools(self, plan: Plan) -> tuple[tuple[str, str, str], ...]:
        """Return service, variable and value, for every pool that has to be lowered so that the plan fits."""
        running = {name: len(self.state.running(name)) for name in pools_of(self.stack)}
        capacity = observe_capacity(self.engine, self.stack, self.state)
        changes = fit_pool(self.stack, self._peak(plan), capacity, self.policy, running=running)
        return tuple((name, key, value) for name, pool in changes.items() for key, value in pool.items())

    def _peak(self, plan: Plan) -> dict[str, int]:
        jobs = {step.service: 1 for step in plan.steps if isinstance(step, Migrate | RunJob)}
        return {**peak_replicas(self.stack, self.state, plan), **jobs}

    def _capacity(self, started: set[str]) -> Capacity:
        """Return what there is; the database is asked only if something starts that uses it."""
        if started & set(pools_of(self.stack)):
            return observe_capacity(self.engine, self.stack, self.state)
        return Capacity(None, 0, self.engine.memory, self.engine.cpus)


def _before_replicas(steps: tuple[Step, ...], check: Step) -> tuple[Step, ...]:
    first = next(index for index, step in enumerate(steps) if isinstance(step, Start) and step.replicas)
    return (*steps[:first], check, *steps[first:])
