"""Budgets: what replicas take of database connections, memory and processors, and what there is.

Amounts are whole numbers (connections, bytes, billionths of a core as the engine counts them), so that a budget that is
exactly full is exactly full.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.model.pools import Pool, database_of, pools_of
from optimus_ops.model.stack import Service, Stack

Resource = Literal["database connections", "memory", "processors"]

MEBI = 1024**2
NANO = 10**9


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is, as observed: memory in bytes, cores, and connections of the database.

    `max_connections` is None while that is unknown (the database doesn't run yet, or is not ours);
    `reserved_connections` of them are for superusers and privileged roles; `other_connections` are held by clients that
    are no replicas.
    """

    max_connections: int | None
    reserved_connections: int
    memory: int
    cpus: float
    other_connections: int = 0


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """What is held in reserve, and how far processors are overcommitted. The reasons are in `docs/budgets.md`.

    Args:
        migration_connections: connections of one run of the migrations job; memory-engine's takes one, and
            for a moment a second one where a statement is cancelled.
        operator_connections: for people, backups and monitoring.
        memory_reserve: bytes for the kernel, the engine and whoever works on the host.
        cpu_overcommit: cores that may be reserved for each core of the host.
    """

    migration_connections: int = 2
    operator_connections: int = 5
    memory_reserve: int = 512 * MEBI
    cpu_overcommit: float = 2.0

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> BudgetPolicy:
        """Return the policy with a project's settings (`operator-connections = 8`)."""
        known = {own.name.replace("_", "-"): own.name for own in fields(cls)}
        if unknown := sorted(settings.keys() - known.keys()):
            raise Refused(f"tool.optimus-ops.budgets knows no {', '.join(unknown)}", f"it knows: {', '.join(known)}")
        changes = {known[name]: _setting(name, value) for name, value in settings.items()}
        whole: dict[str, int] = {name: int(value) for name, value in changes.items() if name != "cpu_overcommit"}
        return replace(cls(cpu_overcommit=changes.get("cpu_overcommit", cls().cpu_overcommit)), **whole)


def _setting(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise Refused(f"tool.optimus-ops.budgets: {name} must be a number of at least 0, it is {value!r}")
    return float(value)


DEFAULT_POLICY = BudgetPolicy()


@dataclass(frozen=True, slots=True)
class BudgetItem:
    """One line of a budget: who takes it, how the amount comes about, and the amount."""

    name: str
    detail: str
    amount: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Who takes how much of one resource, and how much there is: `limit` is None while that is unknown."""

    resource: Resource
    items: tuple[BudgetItem, ...]
    limit: int | None
    source: str
    note: str = ""

    @property
    def needed(self) -> int:
        """What is taken altogether."""
        return sum(item.amount for item in self.items)

    @property
    def exceeded(self) -> bool:
        """Whether more is taken than there is."""
        return self.limit is not None and self.needed > self.limit

    @property
    def text(self) -> str:
        """The arithmetic: a title, `memory: 1216M of 24105M`, then a line for each item, aligned."""
        needed = amount_text(self.resource, self.needed)
        limit = "?" if self.limit is None else amount_text(self.resource, self.limit)
        rows = [(item.name, item.detail, amount_text(self.resource, item.amount)) for item in self.items]
        rows += [("together", "", needed), ("there is", self.source, limit)]
        names, details, amounts = (max(len(row[column]) for row in rows) for column in range(3))
        lines = [f"{name:<{names}}  {detail:<{details}}  {amount:>{amounts}}" for name, detail, amount in rows]
        return "\n    ".join([f"{self.resource}: {needed} of {limit}", *lines, *([self.note] if self.note else [])])


def amount_text(resource: Resource, amount: int) -> str:
    """Return an amount as Compose files write it: 90, 384M, 0.25."""
    if resource == "memory":
        return f"{amount / MEBI:.1f}".removesuffix(".0") + "M"
    return f"{amount / NANO:.10g}" if resource == "processors" else str(amount)


@dataclass(frozen=True, slots=True)
class PoolChange:
    """Pools of another size than the stack's, while they are rolled out; services not named keep theirs.

    `running` is service -> replicas that hold pools of the stack's size until they are replaced.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)


NO_CHANGE = PoolChange()


def budgets_of(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy) -> tuple[Budget, ...]:
    """Return the budgets at a peak (service -> most replicas at once); connections only where services have pools."""
    connections = (connection_budget(stack, peak, capacity, policy),) if pools_of(stack) else ()
    peaks = [(service, peak.get(name, 0)) for name, service in stack.services.items()]
    return (*connections, _memory_budget(peaks, capacity, policy), _cpu_budget(peaks, capacity, policy))


def connection_budget(
    stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, change: PoolChange = NO_CHANGE
) -> Budget:
    """Return what all pools, the migrations job and the reserves take of the database's connections.

    The migrations job counts even if it isn't about to run: a stack that has taken its connections can't be migrated.
    """
    job = [BudgetItem(stack.migrations, "one run", policy.migration_connections)] if stack.migrations else []
    items = [
        *_pool_items(stack, peak, change),
        *job,
        BudgetItem("reserved", "for superusers and privileged roles", capacity.reserved_connections),
        BudgetItem("operators", "for people, backups and monitoring", policy.operator_connections),
        BudgetItem("others", "clients that are no replicas, now", capacity.other_connections),
    ]
    source = f"max_connections of {database_of(stack) or 'the database'}"
    return Budget("database connections", _taken(items), capacity.max_connections, source)


def _pool_items(stack: Stack, peak: Mapping[str, int], change: PoolChange) -> Iterator[BudgetItem]:
    for name, pool in pools_of(stack).items():
        new = change.pools.get(name, pool)
        old = min(change.running.get(name, 0), peak.get(name, 0)) if new != pool else 0
        yield _pool_item(name, old, pool)
        yield _pool_item(name, peak.get(name, 0) - old, new)


def _pool_item(name: str, replicas: int, pool: Pool) -> BudgetItem:
    processes = f"{_counted(pool.processes, 'process', 'processes')} x " if pool.processes > 1 else ""
    detail = f"{_counted(replicas, 'replica', 'replicas')} x {processes}({pool.size} pool + {pool.overflow} overflow)"
    return BudgetItem(name, detail, replicas * pool.each)


def _memory_budget(peaks: list[tuple[Service, int]], capacity: Capacity, policy: BudgetPolicy) -> Budget:
    """Return the memory that replicas reserve, against the host's."""
    reserved = [
        BudgetItem(service.name, f"{replicas} x {amount_text('memory', memory)}", replicas * memory)
        for service, replicas in peaks
        if (memory := service.reserved_memory)
    ]
    limits = [replicas * service.memory for service, replicas in peaks if service.memory]
    note = f"for information: their limits add up to {amount_text('memory', sum(limits))}" if limits else ""
    host = BudgetItem("host", "for the kernel and the engine", policy.memory_reserve)
    return Budget("memory", _taken([*reserved, host]), capacity.memory, "memory of this host", note)


def _cpu_budget(peaks: list[tuple[Service, int]], capacity: Capacity, policy: BudgetPolicy) -> Budget:
    """Return the cores that replicas reserve, against the host's times the overcommit factor."""
    items = [
        BudgetItem(service.name, f"{replicas} x {cpus:g}", replicas * nano(cpus))
        for service, replicas in peaks
        if (cpus := service.reserved_cpus)
    ]
    source = f"{_counted(capacity.cpus, 'core', 'cores')} x {policy.cpu_overcommit:g}"
    return Budget("processors", _taken(items), nano(capacity.cpus * policy.cpu_overcommit), source)


def _taken(items: Iterable[BudgetItem]) -> tuple[BudgetItem, ...]:
    return tuple(item for item in items if item.amount)


def nano(cores: float) -> int:
    """Return billionths of a core."""
    return round(cores * NANO)


def _counted(number: float, singular: str, plural: str) -> str:
    return f"{number:g} {singular if number == 1 else plural}"
