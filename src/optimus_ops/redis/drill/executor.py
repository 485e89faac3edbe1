"""Executor of a drill: makes the runs, and leaves the group healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.change.executor import Handler
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Plan, Step
from optimus_ops.redis.client import FAILURES, reason
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.group import unhealthy_reason
from optimus_ops.redis.drill.healing import CONVERGE_SECONDS, journalled_nodes
from optimus_ops.redis.drill.run_result import RunResult, run_result
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.steps import InjectFault
from optimus_ops.redis.executor import RedisExecutor
from optimus_ops.system.wait import wait_until
from optimus_ops.text.console import Progress


@dataclass
class DrillExecutor(RedisExecutor[StackDeployment]):
    """Injects faults."""

    runner: FaultRunner
    faults: Sequence[Fault]
    results: list[RunResult] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Undo what is broken now."""
        self.undo_stack = self.runner.injector.cleanups

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {**super().handlers, InjectFault: self._inject}

    def begin(self) -> Mapping[str, Any]:
        """Note usual settings and how nodes are attached, for the drill after one that is killed."""
        root = any(fault.root for fault in self.faults)
        return {**super().begin(), **journalled_nodes(self.runner.injector, self.runner.group, root=root)}

    def longest(self, plan: Plan) -> float:
        """Return how many seconds a drill may take at most."""
        steps = [step for step in plan.steps if isinstance(step, InjectFault)]
        return sum(step.seconds + CONVERGE_SECONDS * step.runs for step in steps)

    def _inject(self, step: InjectFault, progress: Progress) -> None:
        fault = next(fault for fault in self.faults if fault.name == step.fault)
        for number in range(1, step.runs + 1):
            result = self._run(fault, number, step.runs, progress)
            self.results.append(result)
            progress.complaints.extend(
                f"{fault.name} run {number}: {unmet.name} was expected, found: {unmet.found}" for unmet in result.unmet
            )

    def _run(self, fault: Fault, number: int, runs: int, progress: Progress) -> RunResult:
        try:
            recording = self.runner.run(fault, number, lambda text: progress.show(f"run {number}/{runs}: {text}"))
        except FAILURES as error:
            raise OpsError(f"{fault.name} run {number}: {reason(error)}", "invoke validate-redis") from error
        result = run_result(recording, self.runner.group.max_lag)
        outage = result.outages.get("plain")
        progress.note = "outage of the last run " + ("did not end" if outage is None else f"{outage:.2f} s")
        return result

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Clean up, and wait until the group is healthy."""
        done = super().undo(progress)
        failing = ""

        def healthy() -> bool:
            nonlocal failing
            failing = unhealthy_reason(self.runner.deployment.observe())
            return not failing

        if not wait_until(healthy, CONVERGE_SECONDS, poll=0.5):
            raise OpsError(f"the group is not healthy: {failing}", "invoke validate-redis says what to do")
        return (*done, "the group is healthy")
