"""`invoke redis.drill`: fault injection into the stack's Redis, under load, with a report of what it cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.history import read_history
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import refuse_unhealthy
from optimus_ops.redis.discovery import stack_deployment
from optimus_ops.redis.drill.document import document
from optimus_ops.redis.drill.executor import DrillExecutor
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.faults import Fault, choose_faults
from optimus_ops.redis.drill.group import Group, drillable, read_group
from optimus_ops.redis.drill.healing import HealingExecutor, killed_drill
from optimus_ops.redis.drill.namespaces import check_root
from optimus_ops.redis.drill.report import NAME, DrillReport, drill_run, summary
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.service_workload import find_endpoints
from optimus_ops.redis.drill.steps import drill_text, plan_drill
from optimus_ops.redis.model import Topology
from optimus_ops.redis.overridden_settings import Override, as_usual, left_overridden, override
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.terminal import print_run
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console, print_json


@dataclass(frozen=True)
class DrillRequest:
    """The faults to inject, the runs of each, and the folder of the report."""

    faults: tuple[Fault, ...]
    runs: int = 1
    report: Path | None = None

    @classmethod
    def parse(cls, faults: Iterable[str], runs: int, report: str) -> DrillRequest:
        """Return the request of flags; raise `Refused` where there is no such fault."""
        return cls(choose_faults(faults), runs, Path(report) if report else None)


def drill(request: DrillRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Inject faults and report what they cost; what a drill left broken that was killed is healed first.

    Raises:
        OpsError: an expectation was not met, or the group could not be healed.
        Refused: the stack is not marked, not healthy or locked.
        MissingPrerequisite: no engine answers, or a fault can't be injected on this machine.
        Interrupted: a signal came; what was broken is repaired.
    """
    project = load_project(root)
    journal = project.state / "journal"
    with ChangeRun(project.state, project.name, options) as run:
        deployment = stack_deployment(project)
        injector = FaultInjector(deployment.engine, project.name)
        if kept := killed_drill(read_history(journal, project.name)):
            healing = HealingExecutor(deployment, injector, kept)
            if healing_plan := healing.plan(drillable(deployment.containers(), project.name)):
                run.execute(healing_plan, healing)
        with run.observing("Redis"):
            containers = drillable(deployment.containers(), project.name)
            topology = deployment.observe()
            refuse_unhealthy(topology, "a drill begins healthy: invoke validate-redis")
            left = left_overridden(journal, topology, deployment.server)
            topology = as_usual(topology, left)
            group = read_group(deployment, containers, topology)
            _check_root(injector, group, request.faults)
            runner = FaultRunner(group, deployment, injector, find_endpoints(deployment.engine, project))
        plan = plan_drill(project.name, request.faults, request.runs, left)
        overrides = _overrides(request.faults, topology, left)
        executor = DrillExecutor(deployment, runner, request.faults, overrides=overrides, left=left)
        try:
            run.execute(plan, executor, drill_text)
        finally:
            if not options.plan:
                _report(request, options, run.console, DrillReport.of(plan, executor.results, runner, command()))


def _check_root(injector: FaultInjector, group: Group, faults: tuple[Fault, ...]) -> None:
    if rooted := [fault.name for fault in faults if fault.root]:
        for node in group.servers.values():
            check_root(injector, node, rooted)


def _overrides(faults: tuple[Fault, ...], topology: Topology, left: tuple[Override, ...]) -> tuple[Override, ...]:
    return tuple(
        override(server, name, server.setting(name), temporary, left)
        for fault in faults
        for name, temporary in fault.settings.items()
        for server in topology.members
    )


def _report(request: DrillRequest, options: ChangeOptions, console: Console, report: DrillReport) -> None:
    """Report the runs that were made, however the drill ended."""
    found = document(report)
    if options.json:
        print_json(found)
    if not report.results:
        return
    run = drill_run(report)
    if not options.json:
        print_run(summary(run), console)
    leave_report(run, request.report, NAME, console, found)
