"""`invoke redis.drill`: fault injection into the stack's Redis, under load, with a report of what it cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun, command
from optimus_ops.project.settings import Project, load_project
from optimus_ops.redis.checks import refuse_unhealthy
from optimus_ops.redis.discovery import stack_deployment
from optimus_ops.redis.drill.document import document
from optimus_ops.redis.drill.executor import DrillExecutor
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.faults import Fault, choose_faults
from optimus_ops.redis.drill.group import drillable, read_group
from optimus_ops.redis.drill.namespaces import check_root
from optimus_ops.redis.drill.report import NAME, DrillReport, drill_run, summary
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.service_workload import find_endpoints
from optimus_ops.redis.drill.steps import drill_text, plan_drill
from optimus_ops.reports.files import write_report
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


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
    """Inject faults and report what they cost.

    Raises:
        OpsError: an expectation was not met, or the group could not be healed.
        Refused: the stack is not marked, not healthy or locked.
        MissingPrerequisite: no engine answers, or a fault can't be injected on this machine.
        Interrupted: a signal came; what was broken is repaired.
    """
    project = load_project(root)
    plan = plan_drill(project.name, request.faults, request.runs)
    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("Redis"):
            runner = _prepare(project, request.faults)
        executor = DrillExecutor(runner, request.faults)
        try:
            run.execute(plan, executor, drill_text)
        finally:
            if not options.plan:
                _report(request, options, run.console, DrillReport.of(plan, executor.results, runner, command()))


def _prepare(project: Project, faults: tuple[Fault, ...]) -> FaultRunner:
    """Return what makes the runs, of a healthy stack that may be broken."""
    deployment = stack_deployment(project)
    containers = drillable(deployment.containers(), project.name)
    topology = deployment.observe()
    refuse_unhealthy(topology, "a drill begins healthy: invoke validate-redis")
    group = read_group(deployment, containers, topology)
    injector = FaultInjector(deployment.engine, project.name)
    rooted = [fault.name for fault in faults if fault.root]
    if rooted:
        for node in group.servers.values():
            check_root(injector, node, rooted)
    return FaultRunner(group, deployment, injector, find_endpoints(deployment.engine, project))


def _report(request: DrillRequest, options: ChangeOptions, console: Console, report: DrillReport) -> None:
    """Report the runs that were made, however the drill ended."""
    found = document(report)
    if options.json:
        print_json(found)
    if not report.results:
        return
    run = drill_run(report)
    paths = write_report(run, request.report, NAME, found) if request.report else ()
    if not options.json:
        text = terminal_text(summary(run), colour=console.colour, columns=layout_columns(console.stream))
        console.stream.write(text)
    for path in paths:
        console.say(f"wrote {path}")
