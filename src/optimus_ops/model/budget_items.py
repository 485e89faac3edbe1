"""What replicas take together, and what there is: database connections, memory and processors as accounts.

Amounts are whole numbers (connections, bytes, billionths of a core as the engine counts them), so that an account that
is exactly full is exactly full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from optimus_ops.errors import Refused
from optimus_ops.model.pools import Pool, database_of, pools_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimus_ops.model.stack import Service, Stack

Kind = Literal["database connections", "memory", "processors"]

MEBI = 1024**2
NANO = 10**9


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is, as observed.

    Args:
        max_connections: of the database; None while that is unknown (it doesn't run yet, or is not ours).
        reserved_connections: of these, those kept for superusers and privileged roles.
        memory: bytes of the host.
        cpus: cores of the host.
        other_connections: those that clients hold who are no replicas of the stack.
    """

    max_connections: int | None
    reserved_connections: int
    memory: int
    cpus: float
    other_connections: int = 0


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """What is kept back, and how far processors may be promised twice. The reasons are in `docs/budgets.md`.

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
        """Return the policy with a project's settings (`operator-connections = 8`).

        Raises:
            Refused: one is unknown, or no number of at least 0.
        """
        known = {one.name.replace("_", "-"): one.name for one in fields(cls)}
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise Refused(f"tool.optimus-ops.budgets knows no {', '.join(unknown)}", f"it knows: {', '.join(known)}")
        values = {known[name]: _amount(name, value) for name, value in settings.items()}
        policy = cls()
        return cls(
            migration_connections=int(values.get("migration_connections", policy.migration_connections)),
            operator_connections=int(values.get("operator_connections", policy.operator_connections)),
            memory_reserve=int(values.get("memory_reserve", policy.memory_reserve)),
            cpu_overcommit=values.get("cpu_overcommit", policy.cpu_overcommit),
        )


def _amount(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise Refused(f"tool.optimus-ops.budgets: {name} must be a number of at least 0, it is {value!r}")
    return float(value)


DEFAULT_POLICY = BudgetPolicy()


@dataclass(frozen=True, slots=True)
class Use:
    """One line of an account.

    Args:
        name: who takes it.
        detail: how the amount comes about.
        amount: what is taken, in the account's unit.
    """

    name: str
    detail: str
    amount: int


@dataclass(frozen=True, slots=True)
class Account:
    """One kind of thing: who takes how much of it, and how much there is.

    Args:
        kind: what is counted.
        uses: who takes how much.
        limit: how much there is; None while that is unknown.
        source: where the limit comes from.
        note: what else is worth knowing.
    """

    kind: Kind
    uses: tuple[Use, ...]
    limit: int | None
    source: str
    note: str = ""

    @property
    def needed(self) -> int:
        """Return what is taken altogether."""
        return sum(use.amount for use in self.uses)

    @property
    def over(self) -> bool:
        """Tell whether more is taken than there is."""
        return self.limit is not None and self.needed > self.limit

    @property
    def text(self) -> str:
        """Return the arithmetic: a title, `memory: 1216M of 24105M`, then a line for each use, aligned."""
        rows = [(use.name, use.detail, amount(self.kind, use.amount)) for use in self.uses]
        rows.append(("together", "", amount(self.kind, self.needed)))
        there_is = "?" if self.limit is None else amount(self.kind, self.limit)
        rows.append(("there is", self.source, there_is))
        title = f"{self.kind}: {amount(self.kind, self.needed)} of {there_is}"
        return "\n    ".join([title, *aligned(rows), *([self.note] if self.note else [])])


def aligned(rows: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return rows of name, detail and amount as lines with the amounts below each other."""
    names, details, amounts = (max(len(row[column]) for row in rows) for column in range(3))
    return tuple(f"{name:<{names}}  {detail:<{details}}  {number:>{amounts}}" for name, detail, number in rows)


def amount(kind: Kind, number: int) -> str:
    """Return an amount as Compose files write it: 90, 384M, 0.25."""
    if kind == "memory":
        return f"{number / MEBI:.1f}".removesuffix(".0") + "M"
    return f"{number / NANO:.10g}" if kind == "processors" else str(number)


@dataclass(frozen=True, slots=True)
class Refit:
    """Pools of another size than the stack's, on their way in.

    Args:
        pools: service -> new pool; those not named keep theirs.
        running: service -> replicas that run, and hold pools of the stack's size until they are replaced.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)


NO_REFIT = Refit()


def accounts_of(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy) -> tuple[Account, ...]:
    """Return the accounts of a stack with so many replicas; connections only where services have pools.

    Args:
        stack: what is wanted.
        peak: service -> most replicas at once.
        capacity: what there is.
        policy: what is kept back.
    """
    connections = (connections_account(stack, peak, capacity, policy),) if pools_of(stack) else ()
    return (
        *connections,
        memory_account(stack, peak, capacity, policy),
        processors_account(stack, peak, capacity, policy),
    )


def connections_account(
    stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy, refit: Refit = NO_REFIT
) -> Account:
    """Return what all pools, the migrations job and the reserves take of the database's connections.

    The migrations job counts even if it isn't about to run: a stack that has taken its connections can't be migrated.
    """
    uses: list[Use] = []
    for name, pool in pools_of(stack).items():
        new = refit.pools.get(name, pool)
        kept = min(refit.running.get(name, 0), peak.get(name, 0)) if new != pool else 0
        uses += [_pool_use(name, kept, pool), _pool_use(name, peak.get(name, 0) - kept, new)]
    if stack.migrations is not None:
        uses.append(Use(stack.migrations, "one run", policy.migration_connections))
    uses.append(Use("reserved", "for superusers and privileged roles", capacity.reserved_connections))
    uses.append(Use("operators", "for people, backups and monitoring", policy.operator_connections))
    uses.append(Use("others", "clients that are no replicas, now", capacity.other_connections))
    source = f"max_connections of {database_of(stack) or 'the database'}"
    return Account("database connections", _taken(uses), capacity.max_connections, source)


def _pool_use(name: str, replicas: int, pool: Pool) -> Use:
    processes = f"{counted(pool.processes, 'process', 'processes')} x " if pool.processes > 1 else ""
    detail = f"{counted(replicas, 'replica', 'replicas')} x {processes}({pool.size} pool + {pool.overflow} overflow)"
    return Use(name, detail, replicas * pool.each)


def memory_account(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy) -> Account:
    """Return the memory that replicas are promised, against the host's."""
    promised = [
        Use(name, f"{replicas} x {amount('memory', service.reserved_memory)}", replicas * service.reserved_memory)
        for name, service, replicas in _peaks(stack, peak)
        if service.reserved_memory
    ]
    limits = [replicas * service.memory for _name, service, replicas in _peaks(stack, peak) if service.memory]
    note = f"for information: their limits add up to {amount('memory', sum(limits))}" if limits else ""
    reserve = Use("host", "for the kernel and the engine", policy.memory_reserve)
    return Account("memory", _taken([*promised, reserve]), capacity.memory, "memory of this host", note)


def processors_account(stack: Stack, peak: Mapping[str, int], capacity: Capacity, policy: BudgetPolicy) -> Account:
    """Return the cores that replicas are promised, against the host's times the overcommit factor."""
    uses = [
        Use(name, f"{replicas} x {service.reserved_cpus:g}", replicas * nano(service.reserved_cpus))
        for name, service, replicas in _peaks(stack, peak)
        if service.reserved_cpus
    ]
    source = f"{counted(capacity.cpus, 'core', 'cores')} x {policy.cpu_overcommit:g}"
    return Account("processors", _taken(uses), nano(capacity.cpus * policy.cpu_overcommit), source)


def _peaks(stack: Stack, peak: Mapping[str, int]) -> list[tuple[str, Service, int]]:
    return [(name, service, peak.get(name, 0)) for name, service in stack.services.items()]


def _taken(uses: Sequence[Use]) -> tuple[Use, ...]:
    return tuple(use for use in uses if use.amount)


def nano(cores: float) -> int:
    """Return billionths of a core."""
    return round(cores * NANO)


def counted(number: float, one: str, many: str) -> str:
    """Return a number with its noun: `1 core`, `2 cores`."""
    return f"{number:g} {one if number == 1 else many}"
