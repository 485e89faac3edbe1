"""One change of Redis: planned under the lock, shown, carried out and journalled, as any change of a stack."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import WouldChange
from optimus_ops.operations.session import print_json
from optimus_ops.plan.executor import execute
from optimus_ops.plan.journal import Journal
from optimus_ops.plan.lock import stack_lock
from optimus_ops.plan.render import plan_json, plan_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from optimus_ops.console import Console
    from optimus_ops.operations.session import Options
    from optimus_ops.plan.executor import Actor
    from optimus_ops.plan.steps import Plan


@dataclass(frozen=True)
class Change:
    """A change that is about to be made.

    Args:
        state: the folder of locks and journals.
        name: what is locked: the stack's name, or the master's.
        console: where progress goes.
        options: --plan, --detailed-exitcode, --json, --lock-wait.
    """

    state: Path
    name: str
    console: Console
    options: Options

    def make(
        self, make_plan: Callable[[], Plan], actor: Callable[[Plan], Actor], after: Callable[[], Any] = lambda: None
    ) -> None:
        """Plan and carry out; with `--plan`, only plan, which takes no lock.

        Args:
            make_plan: observes and plans.
            actor: makes what carries the plan out.
            after: what it returns stands in the JSON document as `state`.

        Raises:
            OpsError: a step failed, and what was done is undone.
            Refused: the change can't be made, or somebody else holds the lock.
        """
        if self.options.plan:
            plan = self._planned(make_plan)
            self._show(plan)
            if plan and self.options.detailed_exitcode:
                raise WouldChange
            return
        with stack_lock(
            self.state / "locks",
            self.name,
            "invoke " + " ".join(sys.argv[1:]),
            wait=self.options.lock_wait,
            on_wait=self.console.say,
        ):
            plan = self._planned(make_plan)
            self.console.say(plan_text(plan))
            if plan:
                execute(plan, actor(plan), self.console, Journal.begin(self.state / "journal", plan))
            outcome = after()
        if self.options.json:
            result = "done" if plan else "nothing to do"
            print_json({"result": result, "plan": plan_json(plan), "state": outcome})

    def _planned(self, make_plan: Callable[[], Plan]) -> Plan:
        with self.console.waiting("looking at Redis"):
            return make_plan()

    def _show(self, plan: Plan) -> None:
        if self.options.json:
            print_json({"result": "planned", "plan": plan_json(plan)})
        else:
            self.console.say(plan_text(plan))
