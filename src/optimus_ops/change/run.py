"""The course of every change: planned under the lock, shown, carried out, journalled."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.change.executor import execute
from optimus_ops.change.journal import Journal
from optimus_ops.change.lock import stack_lock
from optimus_ops.errors import WouldChange
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from optimus_ops.change.executor import StepExecutor
    from optimus_ops.change.lock import Lock
    from optimus_ops.change.options import Options
    from optimus_ops.plan.step import Plan


@dataclass(frozen=True)
class Planned:
    """A plan, and what carries it out.

    Args:
        plan: what will be done.
        begin: called when it begins; returns what carries it out, and what was there before (`facts_of`), if that can
            be told.
        seconds: that it may take at most, an undo not counted.
        outcome: called when all is done, also where nothing had to be; it stands in the JSON document as `state`.
    """

    plan: Plan
    begin: Callable[[], tuple[StepExecutor, Mapping[str, Any] | None]]
    seconds: float
    outcome: Callable[[], Any] = lambda: None


@dataclass(frozen=True)
class Change:
    """A change that is about to be made.

    Args:
        state: the folder of locks and journals.
        name: what is locked: the stack's name, or that of a group outside of Compose.
        console: where progress goes.
        options: the flags that every change has.
    """

    state: Path
    name: str
    console: Console
    options: Options

    @classmethod
    def of(cls, state: Path, name: str, options: Options) -> Change:
        """Return a change that is told on standard output, or beside the JSON document there."""
        return cls(state, name, Console.standard(json=options.json), options)

    def make(self, make_plan: Callable[[], Planned], *, looking_at: str = "what is there") -> None:
        """Plan under the lock, show the plan, carry it out.

        The plan is made after the lock is taken, so that nobody changes what it was made from. `--plan` takes no lock:
        it changes nothing.

        Args:
            make_plan: observes and plans; called once.
            looking_at: what it observes.

        Raises:
            OpsError: a step failed, and what was done is undone.
            Refused: the change can't be made, or somebody else holds the lock.
            WouldChange: `--plan --detailed-exitcode`, and there is something to do.
        """
        if self.options.plan:
            with self.console.waiting(f"looking at {looking_at}"):
                plan = make_plan().plan
            self.show(plan)
            return
        with self.locked() as lock:
            with self.console.waiting(f"looking at {looking_at}"):
                planned = make_plan()
            self.console.say(plan_text(planned.plan))
            if planned.plan:
                lock.expect(planned.seconds)
                actor, before = planned.begin()
                execute(planned.plan, actor, self.console, Journal.begin(self.journal, planned.plan, before=before))
            outcome = planned.outcome()
        if self.options.json:
            result = "done" if planned.plan else "nothing to do"
            print_json({"result": result, "plan": plan_json(planned.plan), "state": outcome})

    def locked(self) -> AbstractContextManager[Lock]:
        """Hold the lock, in the name of this command.

        Raises:
            Refused: somebody else holds it.
        """
        wait = self.options.lock_wait
        return stack_lock(self.state / "locks", self.name, command(), wait=wait, on_wait=self.console.say)

    def show(self, plan: Plan, text: Callable[[Plan], str] = plan_text) -> None:
        """Show what would be done.

        Args:
            plan: the plan.
            text: how it is told to a person.

        Raises:
            WouldChange: that is asked for, and there is something to do.
        """
        if self.options.json:
            print_json({"result": "planned", "plan": plan_json(plan)})
        else:
            self.console.say(text(plan))
        if plan and self.options.detailed_exitcode:
            raise WouldChange

    @property
    def journal(self) -> Path:
        """Return the folder of the journal."""
        return self.state / "journal"


def command() -> str:
    """Return the command line of this process, as a person would type it."""
    return "invoke " + " ".join(sys.argv[1:])
