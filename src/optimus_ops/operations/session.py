"""One change of one stack: its files, the engine, the lock, the journal and what a person sees of it."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optimus_ops.console import Console
from optimus_ops.engine.compose import Compose
from optimus_ops.engine.observe import Docker
from optimus_ops.errors import WouldChange
from optimus_ops.operations.actor import ComposeActor, kept_images
from optimus_ops.operations.containers import Deadlines, longest
from optimus_ops.operations.overlays import overlays_of, with_staying
from optimus_ops.operations.rooms import Rooms, WantedStack
from optimus_ops.operations.undo import observe_before
from optimus_ops.plan.executor import execute
from optimus_ops.plan.history import unfinished
from optimus_ops.plan.journal import Journal, facts_of
from optimus_ops.plan.lock import stack_lock
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from optimus_ops.engine.state import State
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
        detailed_exitcode: whether a plan that would change something ends with exit code 10.
        deadlines: how long steps may take.
    """

    plan: bool = False
    json: bool = False
    lock_wait: float = 0.0
    detailed_exitcode: bool = False
    deadlines: Deadlines = field(default_factory=Deadlines)


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
        """Read the project and connect to its engine; overlays that the stack runs with stay.

        Raises:
            Refused: the settings or files are malformed.
            MachineLacks: no engine answers.
        """
        project = load_project()
        docker = Docker.connect()
        running = overlays_of(project, docker.files(project.name))
        compose = Compose(project, project.files(with_staying(overlays, running)))
        return cls(project, compose, docker, Console.standard(json=options.json), options)

    def look(self) -> tuple[WantedStack, State]:
        """Return what is wanted and what runs, looked at together.

        Raises:
            Refused: the files do not parse.
            MachineLacks: the engine does not answer any more.
        """
        with ThreadPoolExecutor(1) as pool:
            state = pool.submit(self.docker.observe, self.project.name)
            return WantedStack.read(self.compose), state.result()

    def change(self, make_plan: Callable[[], tuple[Plan, Stack]], *, after: Callable[[], Any] | None = None) -> None:
        """Plan under the lock, show the plan, carry it out.

        The plan is made after the lock is taken, so that nobody changes what it was made from. `--plan` takes no lock:
        it changes nothing.

        Args:
            make_plan: observes and plans; called once. Returns the plan, and the stack that it is made for.
            after: called after the plan was carried out; what it returns stands in the JSON document as `state`.
        """
        if self.options.plan:
            with self._looking():
                plan, _stack = make_plan()
            self._show_plan(plan)
            if plan and self.options.detailed_exitcode:
                raise WouldChange
            return
        with stack_lock(
            self.project.state / "locks",
            self.project.name,
            "invoke " + " ".join(sys.argv[1:]),
            wait=self.options.lock_wait,
            on_wait=self.console.say,
        ) as lock:
            with self._looking():
                plan, stack = make_plan()
            self.console.say(plan_text(plan))
            if plan:
                lock.expect(longest(plan, self.options.deadlines))
                self._execute(plan, stack)
            outcome = after() if after is not None else None
        if self.options.json:
            result = "done" if plan else "nothing to do"
            print_json({"result": result, "plan": plan_json(plan), "state": outcome})

    def _looking(self) -> AbstractContextManager[None]:
        return self.console.waiting("looking at what is there")

    @property
    def journal(self) -> Path:
        """Return the folder of the journal."""
        return self.project.state / "journal"

    def running_before(self) -> dict[str, int]:
        """Return service -> replicas before the last change, if that one left the stack half-way; else nothing."""
        change = unfinished(self.journal, self.project.name)
        if change is None:
            return {}
        command = " ".join(change.command)
        self.console.say(f"  change {change.id} ({command}) left the stack half-way; going on from there")
        return change.running_before()

    def _execute(self, plan: Plan, stack: Stack) -> None:
        before = observe_before(self.docker, self.compose, stack, (kept_images(self.compose).path,))
        actor = ComposeActor(self.compose, self.docker, stack, Rooms(self.compose), before, self.options.deadlines)
        journal = Journal.begin(self.journal, plan, before=facts_of(before.state))
        execute(plan, actor, self.console, journal)

    def _show_plan(self, plan: Plan) -> None:
        if self.options.json:
            print_json({"result": "planned", "plan": plan_json(plan)})
        else:
            self.console.say(plan_text(plan))


def print_json(document: object) -> None:
    """Print the one JSON document of a task on standard output."""
    print(json.dumps(document, indent=2, default=str), flush=True)
