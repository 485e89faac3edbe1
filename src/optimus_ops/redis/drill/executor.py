"""Carrying the steps of a drill out, and leaving the group whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.redis.client import reason
from optimus_ops.redis.drill.faults import FAULTS
from optimus_ops.redis.drill.group import not_whole
from optimus_ops.redis.drill.outcomes import outcome
from optimus_ops.redis.drill.run import CONVERGE_SECONDS
from optimus_ops.redis.drill.steps import MakeFault

if TYPE_CHECKING:
    from optimus_ops.plan.step import Plan, Step
    from optimus_ops.redis.drill.faults import Fault
    from optimus_ops.redis.drill.outcomes import Outcome
    from optimus_ops.redis.drill.run import Runner
    from optimus_ops.text.console import Progress

WHOLE_SECONDS = 60.0


@dataclass
class DrillExecutor(StepExecutor):
    """Makes faults.

    Args:
        runner: makes one run.
        outcomes: what each run came to so far.
    """

    runner: Runner
    outcomes: list[Outcome] = field(default_factory=list)

    def longest(self, plan: Plan) -> float:
        """Return how many seconds a drill may take at most."""
        faults = {fault.name: fault for fault in FAULTS}
        steps = [step for step in plan.steps if isinstance(step, MakeFault)]
        return sum((faults[step.fault].seconds + CONVERGE_SECONDS) * step.runs for step in steps)

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Make a fault as often as wanted; raise `OpsError` if it can't be made or mended."""
        if not isinstance(step, MakeFault):
            raise OpsError(f"no way to carry out a step of kind {step.kind!r}")
        fault = next(fault for fault in FAULTS if fault.name == step.fault)
        for number in range(1, step.runs + 1):
            done = self._run(fault, number, step.runs, progress)
            self.outcomes.append(done)
            progress.complaints.extend(
                f"{fault.name} run {number}: {one.name} was expected, found: {one.found}"
                for one in done.expected
                if not one.met
            )

    def _run(self, fault: Fault, number: int, runs: int, progress: Progress) -> Outcome:
        def note(text: str) -> None:
            progress.show(f"run {number}/{runs}: {text}")

        try:
            recording = self.runner.run(fault, number, note)
        except (RedisError, OSError) as error:
            raise OpsError(f"{fault.name} run {number}: {reason(error)}", "invoke validate-redis") from error
        done = outcome(fault, recording, self.runner.group.max_lag)
        lasted = done.outages.get("plain")
        progress.note = "outage of the last run " + ("did not end" if lasted is None else f"{lasted:.2f} s")
        return done

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Mend what is broken, and wait until the group is whole.

        Raises:
            OpsError: it is not, in time.
        """
        done = self.runner.hands.mend()
        progress.note = ", ".join(done) or "nothing was broken"
        until = time.monotonic() + WHOLE_SECONDS
        while failing := not_whole(self.runner.place.observe()):
            if time.monotonic() >= until:
                raise OpsError(f"the group is not whole: {failing}", "invoke validate-redis says what to do")
            time.sleep(0.5)
        return (*done, "the group is whole")
