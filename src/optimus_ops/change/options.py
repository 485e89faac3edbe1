"""The flags that every changing task has, and how long its steps may take."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long steps may take, in seconds.

    Args:
        healthy: from the start of replicas until all are healthy.
        migrate: one run of the migrations job.
        routing: until the balancer's routing is as it should be.
        engine: until an engine that went away answers again, before what was done is undone.
    """

    healthy: float = 180.0
    migrate: float = 600.0
    routing: float = 20.0
    engine: float = 90.0


@dataclass(frozen=True)
class ChangeOptions:
    """How a change is run; `lock_wait` is in seconds, `report` the folder for a report, "" for none."""

    plan: bool = False
    json: bool = False
    lock_wait: float = 0.0
    detailed_exitcode: bool = False
    report: str = ""
    deadlines: Deadlines = field(default_factory=Deadlines)
