"""`invoke load-test`."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

from optimus_ops.change.run import command
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.loadtest.document import document
from optimus_ops.loadtest.judgement import Judgement, judge
from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.plan import LoadPlan, plan_json, plan_text
from optimus_ops.loadtest.platform import load_platform
from optimus_ops.loadtest.preflight import check_targets
from optimus_ops.loadtest.report import NAME, load_report, summary
from optimus_ops.loadtest.request import LoadRequest, plan_load
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


def load_test(request: LoadRequest, *, json: bool) -> None:
    """Make the load, print what was measured, and judge it.

    Raises:
        Refused: there is no such endpoint, profile or tenant, the load is too large, or the target is not ours.
        OpsError: the run is invalid, or an objective is missed.
        Interrupted: it was stopped; what was measured until then is reported.
    """
    project = load_project()
    platform = load_platform(project)
    plan = plan_load(request, project, platform)
    if request.plan:
        _show_plan(plan, json=json)
        return
    check_targets(plan.bases.values())
    title = f"{plan.profile.name}: {plan.profile.summary}, {plan.profile.seconds:g} s"
    with Console.for_stream(sys.stderr).step(title) as progress:
        result = replace(LoadRun(plan, platform, project.root).measure(progress), command=command())
    _show(result, judge(result), Path(request.report) if request.report else None, json=json)


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
        text = terminal_text(summary(run), colour=console.colour, columns=layout_columns(console.stream))
        console.stream.write(text)
    for path in write_report(run, folder, NAME, found) if folder else ():
        console.say(f"wrote {path}")
    if result.interrupted:
        raise Interrupted(signal.SIGINT)
    if error := _bad(judgement):
        raise error


def _bad(judgement: Judgement) -> OpsError | None:
    """Return why the run is not good."""
    if judgement.invalid:
        check = judgement.invalid[0]
        return OpsError(f"invalid run: {check.found}", check.hint or None)
    if judgement.missed:
        names = [f"{each.name} is {each.measured_text}, {each.target} wanted" for each in judgement.missed]
        return OpsError("\n  ".join([f"{len(names)} of {len(judgement.objectives)} objectives are missed", *names]))
    return None
