"""One change of one stack: its files, the engine, the lock, the journal and what a person sees of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.console import Console
from optimus_ops.engine.compose import Compose
from optimus_ops.engine.observe import Docker
from optimus_ops.operations.actor import ComposeActor, observe_before
from optimus_ops.operations.rooms import rooms_for
from optimus_ops.plan.executor import execute
from optimus_ops.plan.journal import Journal
from optimus_ops.plan.lock import stack_lock
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from optimus_ops.plan.steps import Plan
    from optimus_ops.project import Project
    from optimus_ops.stack.model import Stack


@dataclass(frozen=True)
class Options:
    """What every task that changes something takes.

    Args:
        plan: whether the plan is only printed.
        json: whether one JSON document is printed on standard output, and nothing else there.
        lock_wait: seconds to wait for the stack's lock.
    """

    plan: bool = False
    json: bool = False
    lock_wait: float = 0.0


@dataclass(frozen=True)
class Session:
    """The project, its files and the engine, for one change."""

    project: Project
    compose: Compose
    docker: Docker
    console: Console
    options: Options

    @classmethod
    def open(cls, overlays: Sequence[str], options: Options) -> Session:
        """Read the project and connect to its engine.

        Raises:
            Refused: the settings or files are malformed.
            MachineLacks: no engine answers.
        """
        project = load_project()
        compose = Compose(project, project.files(overlays))
        return cls(project, compose, Docker.connect(), Console.standard(json=options.json), options)

    def change(self, make_plan: Callable[[Stack], Plan], *, after: Callable[[], Any] | None = None) -> None:
        """Plan under the lock, show the plan, carry it out.

        The plan is made after the lock is taken, so that nobody changes what it was made from. `--plan` takes no lock:
        it changes nothing.

        Args:
            make_plan: observes and plans; called once.
            after: called after the plan was carried out; what it returns stands in the JSON document as `state`.
        """
        if self.options.plan:
            with self._looking():
                plan = make_plan(self.compose.stack())
            self._show_plan(plan)
            return
        with stack_lock(
            self.project.state / "locks",
            self.project.name,
            "invoke " + " ".join(sys.argv[1:]),
            wait=self.options.lock_wait,
            on_wait=self.console.say,
        ):
            with self._looking():
                plan = make_plan(self.compose.stack())
            self.console.say(plan_text(plan))
            if plan:
                self._execute(plan)
            outcome = after() if after is not None else None
        if self.options.json:
            result = "done" if plan else "nothing to do"
            print_json({"result": result, "plan": plan_json(plan), "state": outcome})

    def _looking(self) -> AbstractContextManager[None]:
        return self.console.waiting("looking at what is there")

    def _execute(self, plan: Plan) -> None:
        actor = ComposeActor(
            compose=self.compose,
            docker=self.docker,
            rooms=rooms_for(self.project, self.compose),
            before=observe_before(self.docker, self.project.name),
        )
        execute(plan, actor, self.console, Journal.begin(self.project.state / "journal", plan))

    def _show_plan(self, plan: Plan) -> None:
        if self.options.json:
            print_json({"result": "planned", "plan": plan_json(plan)})
        else:
            self.console.say(plan_text(plan))


def print_json(document: object) -> None:
    """Print the one JSON document of a task on standard output."""
    print(json.dumps(document, indent=2, default=str), flush=True)
