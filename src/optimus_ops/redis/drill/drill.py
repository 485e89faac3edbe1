"""`invoke redis.drill`: break the stack's Redis on purpose, under load, and count what that cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.change.run import ChangeRun, command
from optimus_ops.errors import Refused
from optimus_ops.plan.render import plan_text
from optimus_ops.project.settings import load_project
from optimus_ops.redis.discovery import stack_deployment
from optimus_ops.redis.drill.executor import DrillExecutor
from optimus_ops.redis.drill.fault_injector import Hands
from optimus_ops.redis.drill.faults import chosen_faults
from optimus_ops.redis.drill.files import write_report
from optimus_ops.redis.drill.group import marked, read_group, refuse_unhealthy
from optimus_ops.redis.drill.partition import need_root
from optimus_ops.redis.drill.report import Report, document
from optimus_ops.redis.drill.run import Runner
from optimus_ops.redis.drill.service_workload import find_doors
from optimus_ops.redis.drill.steps import plan_drill, seconds_of
from optimus_ops.redis.drill.tables import report_text
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.plan.step import Plan
    from optimus_ops.project.settings import Project
    from optimus_ops.redis.drill.faults import Fault

MOST_RUNS = 1000
SHORT_SECONDS = 120


@dataclass(frozen=True)
class DrillFlags:
    """What was asked for.

    Args:
        faults: names of faults; all if there are none.
        runs: of each fault.
        report: folder for the report; none is written if "".
    """

    faults: tuple[str, ...] = ()
    runs: int = 1
    report: str = ""


def runs_of(text: str) -> int:
    """Return the number of runs that a flag asks for.

    Raises:
        Refused: it is none from 1 to 1000.
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_RUNS:
        raise Refused(f"--runs {text}: a whole number from 1 to {MOST_RUNS} is wanted")
    return int(text)


def drill(flags: DrillFlags, options: ChangeOptions, root: Path | None = None) -> None:
    """Refuse what must not be broken, break and mend, report.

    Raises:
        OpsError: something else came about than was expected, or the group could not be mended.
        Refused: the stack is not marked, not healthy or locked, or there is no such fault.
        MachineLacks: no engine answers, or a fault can't be made on this machine.
        Interrupted: a signal came; what was broken is mended.
    """
    faults = chosen_faults(flags.faults)
    project = load_project(root)
    plan = plan_drill(project.name, faults, flags.runs)
    with ChangeRun(project.state, project.name, options) as run:
        executor = DrillExecutor(_runner(project, faults, run.console))
        try:
            run.execute(plan, executor, _text)
        finally:
            if not options.plan:
                # Nothing, unless something went wrong that nobody thought of.
                executor.runner.hands.mend()
                _report(flags, options, run.console, Report.of(plan, executor.outcomes, executor.runner))


def _runner(project: Project, faults: tuple[Fault, ...], console: Console) -> Runner:
    """Return what makes runs, of a stack that may be broken and is whole."""
    place = stack_deployment(project)
    marked(place.containers(), project.name)
    with console.waiting("looking at Redis"):
        topology = place.observe()
    refuse_unhealthy(topology)
    group, hands = read_group(place, topology), Hands(place.docker)
    rooted = [fault.name for fault in faults if fault.root]
    if rooted:
        for peer in group.servers.values():
            need_root(hands, peer, rooted)
    return Runner(group, place, hands, find_doors(place.docker, project))


def _text(plan: Plan) -> str:
    seconds = seconds_of(plan)
    shown = f"{seconds / 60:.0f} min" if seconds > SHORT_SECONDS else f"{seconds:.0f} s"
    return f"{plan_text(plan)}\n  about {shown} in all"


def _report(flags: DrillFlags, options: ChangeOptions, console: Console, report: Report) -> None:
    """Tell what came of the runs that were made, however the drill ended."""
    if options.json:
        print_json(document(report))
    if not report.outcomes:
        return
    if not options.json:
        console.say(report_text(report))
    if flags.report:
        for path in write_report(report, Path(flags.report), command()):
            console.say(f"wrote {path}")
