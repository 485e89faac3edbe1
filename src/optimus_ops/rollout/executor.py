"""Carrying steps out on Docker Compose."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optimus_ops.change.deadlines import Deadlines, longest
from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.journal import facts_of
from optimus_ops.engine.client import CONNECT_HINT
from optimus_ops.engine.leftovers import remove_nameless
from optimus_ops.engine.pins import write_pins
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import (
    Build,
    CheckBudgets,
    CheckConfig,
    CheckContracts,
    CheckMigrations,
    Keep,
    MakeBases,
    Migrate,
    Observe,
    Pin,
    Pull,
    Reload,
    Remove,
    RemoveImages,
    RemoveNetwork,
    Restart,
    Resume,
    RunJob,
    Start,
    Stop,
    VerifyRouting,
    WaitDependency,
    WaitHealthy,
    WriteSecrets,
)
from optimus_ops.rollout.containers import Containers
from optimus_ops.rollout.jobs import run_job
from optimus_ops.rollout.migration_job import schema_in_use
from optimus_ops.rollout.nginx_reload import check_config, reload
from optimus_ops.rollout.pull import pull
from optimus_ops.rollout.undo import observe_baseline, undo
from optimus_ops.system.process import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from optimus_ops.engine.compose import Compose
    from optimus_ops.engine.observe import Docker
    from optimus_ops.model.stack import Stack
    from optimus_ops.plan.step import Plan
    from optimus_ops.rollout.rooms import Rooms
    from optimus_ops.rollout.undo import Baseline
    from optimus_ops.text.console import Progress


@dataclass
class ComposeExecutor(StepExecutor):
    """Carries the steps of a plan out on one engine.

    Args:
        compose: the project's files.
        docker: its engine.
        stack: what is wanted, as it was planned.
        rooms: what steps need of other rooms.
        deadlines: how long steps may take.
        migrated_from: the schema's revision before each migration that this change has begun.
        making: the step that is making containers; empty once it ended well.
        before: what was there before the first step; observed by `begin`.
    """

    compose: Compose
    docker: Docker
    stack: Stack
    rooms: Rooms
    deadlines: Deadlines = field(default_factory=Deadlines)
    migrated_from: list[str] = field(default_factory=list)
    making: list[Step] = field(default_factory=list)
    before: Baseline = field(init=False)

    def begin(self) -> dict[str, dict[str, Any]]:
        """Observe what is there before the first step; return what the journal keeps of it."""
        self.before = observe_baseline(self.docker, self.compose, self.stack, (kept_images(self.compose).path,))
        return facts_of(self.before.state)

    def longest(self, plan: Plan) -> float:
        """Return how many seconds the plan may take at most, an undo not counted."""
        return longest(plan, self.deadlines)

    @property
    def containers(self) -> Containers:
        """Return the project's containers."""
        return Containers(self.compose, self.docker, self.stack, self.before.state, self.deadlines)

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; raise `OpsError` if it fails, `MachineLacks` if that is because the engine is gone."""
        try:
            if isinstance(step, Start | Migrate | RunJob):
                self.making.append(step)
            self._act(step, progress)
            self.making.clear()
        except CommandFailed as error:
            if not self.docker.answers():
                raise MachineLacks(f"the Docker engine stopped answering during: {step.text}", CONNECT_HINT) from error
            raise

    def _act(self, step: Step, progress: Progress) -> None:
        def note(text: str) -> None:
            progress.note = text.strip()[:100]

        match step:
            case Start() | WaitHealthy() | WaitDependency() | RunJob() | Restart():
                self._start(step, progress, note)
            case VerifyRouting() | Observe() | Stop() | Remove() | RemoveNetwork() | Resume():
                self._act_on_containers(step, progress, note)
            case CheckContracts() | CheckMigrations() | CheckBudgets() | CheckConfig():
                self._check(step, note)
            case WriteSecrets():
                self.rooms.write_secrets()
            case Migrate(service=service):
                self._migrate(service, progress)
            case Reload(service=service):
                reload(self.containers, service)
            case _:
                self._act_on_images(step, progress, note)

    def _act_on_images(self, step: Step, progress: Progress, note: Callable[[str], None]) -> None:
        match step:
            case MakeBases(images=images):
                self.rooms.make_bases(images, note)
            case Pull(services=services):
                pull(dict.fromkeys(self.stack.services[name].image for name in services), progress.show)
            case Build(services=services):
                self.rooms.build(services, progress.show)
            case RemoveImages(images=images):
                remove_nameless(self.docker, images)
            case Keep(service=service, images=images):
                kept = kept_images(self.compose)
                kept.keep(self.docker, service, self.stack.services[service].image, images)
            case Pin(images=images, environment=environment):
                pins = self.compose.pinned().with_images(dict(images)).with_variables(environment)
                write_pins(self.compose.pins_file, pins)
            case _:
                raise OpsError(f"no way to carry out a step of kind {step.kind!r}")

    def _start(self, step: Step, progress: Progress, note: Callable[[str], None]) -> None:
        containers = self.containers
        match step:
            case Start(counts=counts, replicas=True, ended=ended):
                containers.start_replicas(dict(counts), progress.show, ended=ended)
            case Start(counts=counts):
                containers.start_others(dict(counts), progress.show)
            case WaitHealthy(counts=counts, new=new, required=required):
                with _optional(progress, required=required):
                    containers.wait_healthy(dict(counts), note, new=new)
            case WaitDependency(services=services, required=required):
                with _optional(progress, required=required):
                    containers.wait_for_dependencies(services, note)
            case RunJob(service=service, required=required):
                with _optional(progress, required=required):
                    run_job(containers, service, progress, required=required)
            case Restart(victims=victims, seconds=seconds):
                containers.restart(victims, seconds)

    def _act_on_containers(self, step: Step, progress: Progress, note: Callable[[str], None]) -> None:
        containers = self.containers
        match step:
            case VerifyRouting(counts=counts, settle=settle):
                containers.verify([name for name, _count in counts], settle, note)
            case Observe(service=service, seconds=seconds):
                self.rooms.observe_new(containers, service, seconds, progress)
            case Stop(victims=victims, seconds=seconds):
                containers.stop(victims, seconds, progress)
            case Remove(victims=victims):
                containers.remove(victims)
            case Resume(victims=victims):
                containers.resume(victims, note)
            case RemoveNetwork(network=network):
                self.docker.remove_network(network)

    def _check(self, step: Step, note: Callable[[str], None]) -> None:
        match step:
            case CheckContracts(services=services):
                self.rooms.check_contracts(self.containers, services, note)
            case CheckMigrations(allow_contract=allow_contract):
                self.rooms.check_migrations(self.containers, allow_contract=allow_contract, note=note)
            case CheckBudgets(peak=peak):
                self.rooms.check_budgets(self.containers, dict(peak))
            case CheckConfig(service=service):
                check_config(self.containers, service)

    def _migrate(self, service: str, progress: Progress) -> None:
        in_use = schema_in_use(self.containers, self.stack.services[service].image)
        revision = self.rooms.revision(self.containers) if in_use else None
        if revision is not None:
            # Before the job: of several steps, some may be done when one fails.
            self.migrated_from.append(revision)
        run_job(self.containers, service, progress)

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put back what was there before the first step."""
        return undo(self.before, self.containers, progress, self._downgrade, unsettled=bool(self.making))

    def _downgrade(self) -> tuple[str, ...]:
        return self.rooms.downgrade(self.containers, self.migrated_from[0]) if self.migrated_from else ()


@contextlib.contextmanager
def _optional(progress: Progress, *, required: bool) -> Iterator[None]:
    """Let a step end well although it failed, where nothing that starts requires it (`required: false`)."""
    try:
        yield
    except MachineLacks:
        raise
    except OpsError as error:
        if required:
            raise
        cause = error.message.splitlines()[0].partition("; it said last")[0]
        progress.note = f"{cause}; what waits for it starts without (required: false)"


def kept_images(compose: Compose) -> KeptImages:
    """Return a project's list of kept images."""
    return KeptImages.of(compose.project)
