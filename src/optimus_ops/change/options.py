"""The flags that every changing task has."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimus_ops.change.deadlines import Deadlines


@dataclass(frozen=True)
class ChangeOptions:
    """How a change is run.

    Args:
        plan: whether the plan is only printed.
        json: whether one JSON document is printed on standard output, and nothing else there.
        lock_wait: seconds to wait for the stack's lock.
        detailed_exitcode: whether a plan that would change something ends with exit code 10.
        deadlines: how long steps may take.
    """

    plan: bool = False
    json: bool = False
    lock_wait: float = 0.0
    detailed_exitcode: bool = False
    deadlines: Deadlines = field(default_factory=Deadlines)
