"""`invoke load-test`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import Interrupted
from optimus_ops.loadtest.compare import Comparison, compare
from optimus_ops.loadtest.document import document
from optimus_ops.loadtest.earlier_runs import EarlierRun, read_runs
from optimus_ops.loadtest.judgement import Judgement, complaint, judge
from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.plan import LoadPlan, plan_json, plan_text
from optimus_ops.loadtest.platform import load_platform
from optimus_ops.loadtest.preflight import check_targets
from optimus_ops.loadtest.report import NAME, load_report, summary
from optimus_ops.loadtest.request import LoadRequest, plan_load
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.folder import check_folder
from optimus_ops.reports.junit import junit
from optimus_ops.reports.terminal import print_run
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


def load_test(request: LoadRequest, *, json: bool) -> None:
    """Make the load, print what was measured, and judge it.

    Raises:
        Refused: there is no such endpoint, profile or tenant, the load is too large, or the target is not ours.
        OpsError: the run is invalid, an objective is missed, or it is proven to be slower than earlier ones.
        Interrupted: it was stopped; what was measured until then is reported.
    """
    project = load_project()
    platform = load_platform(project)
    plan = plan_load(request, project, platform)
    earlier = read_runs(request.compare, plan.profile, plan.engine)
    if request.plan:
        _show_plan(plan, json=json)
        return
    folder = Path(request.report) if request.report else None
    if folder:
        check_folder(folder)
    engine = None if request.target else DockerEngine.connect()
    check_targets(plan.bases.values())
    title = f"{plan.profile.name}: {plan.profile.summary}, {plan.profile.seconds:g} s"
    with Console.for_stream(sys.stderr).step(title) as progress:
        measured = LoadRun(plan, platform, project.root, engine, project.name).measure(progress)
    result = replace(measured, command=command(), comparisons=_compared(measured, earlier))
    _show(result, judge(result), folder, json=json)


def _compared(result: LoadResult, earlier: Sequence[EarlierRun]) -> tuple[Comparison, ...]:
    return compare([run.intervals for run in earlier], result.intervals) if earlier else ()


def _show_plan(plan: LoadPlan, *, json: bool) -> None:
    if json:
        print_json(plan_json(plan))
        return
    console = Console.standard()
    console.stream.write(plan_text(plan, colour=console.colour, columns=layout_columns(console.stream)))


def _show(result: LoadResult, judgement: Judgement, folder: Path | None, *, json: bool) -> None:
    run, found = load_report(result, judgement), document(result, judgement)
    console = Console.standard(json=json)
    if json:
        print_json(found)
    else:
        print_run(summary(run), console)
    if folder:
        leave_report(run, folder, NAME, console, found, beside={f"{NAME}.xml": junit(run)})
    if result.interrupted:
        raise Interrupted(result.interrupted)
    if error := complaint(result, judgement):
        raise error
