"""One change of one stack: its files, the engine, the lock, the journal and what a person sees of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.history import unfinished
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.observed_stack import observed_stack
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.checks import check_services
from optimus_ops.project.settings import Project, check_name, load_project
from optimus_ops.stack.observed_inputs import WantedStack
from optimus_ops.stack.overlays import compose_of
from optimus_ops.text.console import Console


@dataclass(frozen=True)
class StackContext:
    """The project, its files and the engine, for one change."""

    project: Project
    compose: Compose
    docker: Engine
    console: Console
    options: ChangeOptions

    @classmethod
    def open(cls, overlays: Sequence[str], options: ChangeOptions) -> StackContext:
        """Read the project and connect to its engine; overlays that the stack runs with stay."""
        project = load_project()
        check_name(project)
        docker = DockerEngine.connect()
        compose = compose_of(project, docker.files(project.name), overlays)
        return cls(project, compose, docker, Console.standard(json=options.json), options)

    @classmethod
    def open_to_stop(cls, overlays: Sequence[str], options: ChangeOptions) -> StackContext:
        """Likewise, to stop what runs: files may be missing, and none need be readable."""
        project, docker = load_project(), DockerEngine.connect()
        try:
            compose = compose_of(project, docker.files(project.name), overlays)
        except Refused:
            compose = DockerCompose(project, ())
        return cls(project, compose, docker, Console.standard(json=options.json), options)

    def observe(self) -> tuple[WantedStack, State]:
        """Return what is wanted and what runs, looked at together."""
        with ThreadPoolExecutor(1) as pool:
            state = pool.submit(self.docker.observe, self.project.name)
            return WantedStack.read(self.compose), state.result()

    def observe_to_stop(self) -> tuple[WantedStack, State]:
        """Return what is wanted and what runs; where the files can't be read, as the containers tell it."""
        state = self.docker.observe(self.project.name)
        try:
            if not self.compose.files:
                raise Refused("Compose files are missing")
            return WantedStack.read(self.compose), state
        except (Refused, MissingPrerequisite) as error:
            self.console.say(f"! {error.message}\n  going by what runs")
            project = self.project
            stack = observed_stack(state, balancer=project.balancer, migrations=project.migrations)
            return WantedStack({}, stack), state

    def check_known(self, stack: Stack, names: Iterable[str]) -> None:
        """Refuse services that aren't in the stack; of one whose profile is off, say that."""
        unknown = [name for name in names if name not in stack.services]
        if unknown and unknown[0] in (self.compose.services() or ()):
            raise Refused(
                f"{unknown[0]} belongs to a profile that is off",
                "turn it on, here and in `docker compose`: COMPOSE_PROFILES=PROFILE, in the environment or in .env",
            )
        check_services(stack, unknown)

    def run(self) -> ChangeRun:
        """Return a run of a change of this stack."""
        return ChangeRun(self.project.state, self.project.name, self.options, self.console)

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
