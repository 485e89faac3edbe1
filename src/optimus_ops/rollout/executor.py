"""Carrying out the steps of scale, up, deploy, rollback, migrate and down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from optimus_ops.balancer.routing import Prober
from optimus_ops.change.executor import STEP_SECONDS, Handler, StepExecutor
from optimus_ops.change.journal import facts_of
from optimus_ops.change.options import Deadlines
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.errors import CONNECT_HINT
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.stack import Stack
from optimus_ops.plan import steps
from optimus_ops.plan.step import Plan, Step
from optimus_ops.rollout import (
    canary,
    health_wait,
    image_steps,
    jobs,
    nginx_reload,
    prerequisite_steps,
    routing_check,
    start,
    stop,
)
from optimus_ops.rollout.baseline import Baseline, observe_baseline
from optimus_ops.rollout.containers import ContainerFailed, Containers
from optimus_ops.rollout.undo import undo
from optimus_ops.stack.context import StackContext
from optimus_ops.system.process import CommandFailed
from optimus_ops.text.console import Progress

HANDLERS: Mapping[type[Step], Callable[[Containers, Any, Progress], None]] = {
    steps.WriteSecrets: prerequisite_steps.write_secrets,
    steps.CheckContracts: prerequisite_steps.check_contracts,
    steps.CheckMigrations: prerequisite_steps.check_migrations,
    steps.CheckBudgets: prerequisite_steps.check_connections,
    steps.CheckConfig: nginx_reload.check_config,
    steps.Reload: nginx_reload.reload,
    steps.MakeFallbacks: image_steps.make_bases,
    steps.Pull: image_steps.pull_images,
    steps.Build: image_steps.build_images,
    steps.RemoveImages: image_steps.remove_images,
    steps.Keep: image_steps.keep_images,
    steps.Pin: image_steps.pin,
    steps.Start: start.start,
    steps.WaitHealthy: health_wait.wait_healthy,
    steps.WaitDependency: health_wait.wait_for_dependencies,
    steps.RunJob: jobs.run_job,
    steps.VerifyRouting: routing_check.verify_routing,
    steps.Observe: canary.observe_new,
    steps.Stop: stop.stop,
    steps.Restart: stop.restart,
    steps.Resume: stop.resume,
    steps.Remove: stop.remove,
    steps.RemoveNetwork: stop.remove_network,
}


@dataclass
class StackExecutor(StepExecutor):
    """Carries steps out on one engine, and goes back to what was there before the first one."""

    compose: Compose
    engine: Engine
    stack: Stack
    deadlines: Deadlines = field(default_factory=Deadlines)
    prober: Prober = field(default_factory=Prober)
    _baseline: Baseline = field(init=False, repr=False)
    _revision: str | None = field(default=None, init=False)
    """The schema's revision before the first migration of this change."""
    _creating: bool = field(default=False, init=False)

    @classmethod
    def of(cls, context: StackContext, stack: Stack, prober: Prober | None = None) -> Self:
        """Return an executor for an open stack; requests are sent over HTTP if no prober is given."""
        return cls(context.compose, context.docker, stack, context.options.deadlines, prober or Prober())

    def begin(self) -> Mapping[str, Any]:
        """Observe the baseline."""
        self._baseline = observe_baseline(self.engine, self.compose, self.stack)
        return facts_of(self._baseline.state)

    @property
    def containers(self) -> Containers:
        """Return the containers that the steps work on."""
        before = self._baseline.state
        return Containers(self.compose, self.engine, self.stack, before, self.deadlines, self.prober)

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> handler."""
        containers = self.containers
        bound: dict[type[Step], Handler] = {kind: partial(act, containers) for kind, act in HANDLERS.items()}
        return {**bound, steps.Migrate: self._migrate}

    def longest(self, plan: Plan) -> float:
        """Return how many seconds a plan may take at most, an undo not counted."""
        return sum(self._longest(step) for step in plan.steps)

    def _longest(self, step: Step) -> float:
        match step:
            case steps.WaitHealthy() | steps.WaitDependency():
                return self.deadlines.healthy
            case steps.Migrate() | steps.RunJob():
                return self.deadlines.migrate
            case steps.VerifyRouting(settle=settle):
                return self.deadlines.routing + settle
            case steps.Observe(seconds=seconds) | steps.Stop(seconds=seconds):
                return seconds
        return STEP_SECONDS

    def applied(self, step: Step) -> bool:
        """Tell whether a step that can't be done twice, or writes a file, has nothing to do any more.

        The others may be done again: builds, pulls and jobs stand in a plan only where they are needed still, a start
        counts what runs, what has ended is stopped at once, and checks and waits change nothing.
        """
        match step:
            case steps.Remove(containers=leaving):
                # Those that a job left are among them, too.
                jobs = self.engine.observe(self.compose.project.name, one_off=True)
                return not {found.container for found in leaving} & (self.containers.observe().ids | jobs.ids)
            case steps.RemoveNetwork(network=network):
                return network not in self.engine.networks(self.compose.project.name)
            case steps.Pin():
                return image_steps.pins_after(self.compose, step) == self.compose.pinned()
        return False

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; one that isn't required may fail (`required: false`)."""
        self._creating = isinstance(step, steps.Start | steps.Migrate | steps.RunJob)
        try:
            super().carry_out(step, progress)
        except CommandFailed as error:
            if not self.engine.answers():
                raise MissingPrerequisite(
                    f"the Docker engine stopped answering during: {step.text}", CONNECT_HINT
                ) from error
            self._tolerate(step, error, progress)
        except MissingPrerequisite:
            raise
        except OpsError as error:
            self._tolerate(step, error, progress)
        self._creating = False

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Go back to what was there before the first step; return what was undone, a line each."""
        return undo(self._baseline, self.containers, progress, self._downgrade, creating=self._creating)

    def _tolerate(self, step: Step, error: OpsError, progress: Progress) -> None:
        if getattr(step, "required", True):
            raise error
        reason = error.reason if isinstance(error, ContainerFailed) else error.message.splitlines()[0]
        if isinstance(step, steps.WaitHealthy) and all(self.stack.services[name].optional for name, _ in step.counts):
            progress.complaints.append(f"{reason}; the other services do without it")
            return
        progress.note = f"{reason}; what waits for it starts without (required: false)"

    def _migrate(self, step: steps.Migrate, progress: Progress) -> None:
        from optimus_ops.migrations.job import revision  # noqa: PLC0415 - costs time that most tasks don't need

        if self._revision is None and jobs.schema_users(self.stack, self._baseline.state):
            # Before the job: of several migrations, some may be done when one fails.
            self._revision = revision(self.compose, self.stack)
        jobs.run_job(self.containers, step, progress)

    def _downgrade(self) -> Iterator[str]:
        """Take migrations back, where any were run for what ran before."""
        from optimus_ops.migrations.job import downgrade, revision  # noqa: PLC0415 - as above

        if self._revision is None or revision(self.compose, self.stack) == self._revision:
            return
        if any(
            found.id not in self._baseline.state.ids
            for found in jobs.schema_users(self.stack, self.containers.observe())
        ):
            raise OpsError("the migrations stay: new replicas use the schema")
        yield from downgrade(self.compose, self.stack, self._revision)
