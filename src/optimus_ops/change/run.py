"""One run of a change: locked, planned, shown, carried out, journalled, undone where it fails.

A task uses it as a block, which `--plan` ends at `execute`:

    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            plan = plan_failover(observe())
        run.execute(plan, FailoverExecutor())
        run.finish(summary())
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from optimus_ops.change.events import Subscriber
from optimus_ops.change.executor import StepExecutor, execute
from optimus_ops.change.history import unfinished
from optimus_ops.change.journal import Journal
from optimus_ops.change.lock import stack_lock
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.plan_report import ReportSubscriber, write_plan_report
from optimus_ops.change.subscribers import (
    EVENTS_VARIABLE,
    ConsoleSubscriber,
    JournalSubscriber,
    JsonLinesSubscriber,
    fan_out,
)
from optimus_ops.errors import WouldChange
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.plan.step import Plan
from optimus_ops.reports.folder import check_folder
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console, print_json


class PlanShown(Exception):  # noqa: N818 - not an error: `--plan` ends a run early
    """The plan was shown, and nothing else was asked for."""


class ChangeRun:
    """A change of one stack, from its lock to its last line.

    The plan is made while the lock is held, so that nobody changes what it was made from. `--plan` takes no lock: it
    changes nothing.

    Locked is the stack's name, or that of a group outside of Compose.
    """

    def __init__(self, state: Path, name: str, options: ChangeOptions, console: Console | None = None) -> None:
        """Prepare the run; nothing is locked yet."""
        self.state = state
        self.name = name
        self.options = options
        self.console = console or Console.standard(json=options.json)
        self._plan = Plan(name, "")
        self._held = ExitStack()
        self._subscribers: list[Subscriber] = [ConsoleSubscriber(self.console)]

    def __enter__(self) -> Self:
        """Take the lock, unless nothing is changed.

        Raises:
            Refused: the report could not be written at the end.
        """
        if not self.options.plan:
            if self.options.report:
                check_folder(Path(self.options.report))
            if path := os.environ.get(EVENTS_VARIABLE):
                self._subscribers.append(JsonLinesSubscriber.open(path))
            wait = self.options.lock_wait
            lock = stack_lock(self.state / "locks", self.name, command(), wait=wait, on_wait=self.console.say)
            self._lock = self._held.enter_context(lock)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        """Let go of the lock; `--plan` ends well."""
        self._held.close()
        return kind is PlanShown

    def observing(self, what: str = "what is there") -> AbstractContextManager[None]:
        """Show what is waited for while a plan is made, if that takes a moment."""
        return self.console.waiting(f"observing {what}")

    def execute(
        self,
        plan: Plan,
        executor: StepExecutor,
        text: Callable[[Plan], str] = plan_text,
        *,
        restores: bool = False,
        **facts: object,
    ) -> None:
        """Show the plan and carry it out; with `--plan`, the block that the run is used in ends here.

        If the plan is empty, nothing is done; it is journalled only where it ends a change that was killed: the same
        command was given again, or the plan `restores` what ran before. `text` shows it to a person; `facts` stand in
        the JSON document of `--plan`.

        Raises:
            OpsError: a step failed, and what was done is undone.
            WouldChange: `--plan --detailed-exitcode`, and there is something to do.
        """
        if self.options.plan:
            self._show(plan, text, facts)
        self._plan = plan
        self.console.say(text(plan))
        if plan:
            self._lock.expect(executor.longest(plan))
            journal = Journal.begin(self.state / "journal", plan, before=executor.begin())
            execute(plan, executor, fan_out(*self._subscribers, JournalSubscriber(journal), *self._reporting(plan)))
            return
        if self.options.report:
            write_plan_report(plan, Path(self.options.report))
        if self._ends_unfinished(plan, restores=restores):
            Journal.begin(self.state / "journal", plan).write("done")

    def finish(self, state: object = None, **facts: object) -> None:
        """Print the JSON document where one is asked for: what is there now, and further facts."""
        if self.options.json:
            result = "done" if self._plan else "nothing to do"
            print_json({"result": result, "plan": plan_json(self._plan), "state": state, **facts})

    def _ends_unfinished(self, plan: Plan, *, restores: bool) -> bool:
        """Tell whether a change that was killed is ended, or taken back, by a plan that has nothing left to do.

        Otherwise later changes would go on from the replicas that there were before it.
        """
        left = unfinished(self.state / "journal", self.name)
        again = (("invoke", *sys.argv[1:]), plan.purpose)
        return left is not None and (restores or (left.command, left.purpose) == again)

    def _reporting(self, plan: Plan) -> tuple[Subscriber, ...]:
        return (ReportSubscriber(plan, Path(self.options.report)),) if self.options.report else ()

    def _show(self, plan: Plan, text: Callable[[Plan], str], facts: Mapping[str, object]) -> None:
        if self.options.json:
            print_json({"result": "planned", "plan": plan_json(plan), **facts})
        else:
            self.console.say(text(plan))
        if self.options.report:
            write_plan_report(plan, Path(self.options.report))
        if plan and self.options.detailed_exitcode:
            raise WouldChange
        raise PlanShown
