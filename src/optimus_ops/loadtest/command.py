"""`invoke load-test`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from optimus_ops.change.run import command
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.loadtest.document import document
from optimus_ops.loadtest.flags import PATH, LoadFlags, flag_profile
from optimus_ops.loadtest.judgement import Judgement, judge
from optimus_ops.loadtest.model import SECONDS, LoadPlatform, LoadResult, Profile, RequestClass
from optimus_ops.loadtest.platform import load_platform
from optimus_ops.loadtest.report import NAME, load_report
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.loadtest.targets import given_target, stack_bases
from optimus_ops.project.settings import Project, load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


@dataclass(frozen=True)
class LoadRequest:
    """What is asked for.

    Args:
        target: URL that all requests go to; "" for the running stack.
        allowed: hosts that may be neither this machine nor in a private network.
    """

    flags: LoadFlags
    engine: str = "locust"
    workers: int = 1
    target: str = ""
    allowed: tuple[str, ...] = ()
    report: str = ""


def load_test(request: LoadRequest, *, json: bool) -> None:
    """Make the load, print what was measured, and judge it.

    Raises:
        Refused: there is no such endpoint or tenant, or the target is not ours.
        OpsError: the run is invalid, or an objective is missed.
        Interrupted: it was stopped; what was measured until then is reported.
    """
    project = load_project()
    platform = load_platform(project)
    profile = flag_profile(request.flags, platform, request.flags.seconds or SECONDS)
    bases = _bases(request, project, platform, profile)
    paths = {PATH: request.flags.endpoint} if request.flags.endpoint.startswith("/") else {}
    run = LoadRun(profile, platform, request.engine, request.workers, bases, paths, project.root)
    with Console.for_stream(sys.stderr).step(f"load: {profile.summary} for {profile.seconds:g} s") as progress:
        result = replace(run.measure(progress), command=command())
    _show(result, judge(result), Path(request.report) if request.report else None, json=json)


def _bases(request: LoadRequest, project: Project, platform: LoadPlatform, profile: Profile) -> Mapping[str, str]:
    names = {flow.key.request_class for flow in profile.flows}
    if request.target:
        url = given_target(request.target, request.allowed)
        return dict.fromkeys(sorted(names), url)
    base = platform.path_class
    path = RequestClass(PATH, base.service, base.port, inside=base.inside)
    classes = [each for each in (*platform.classes, path) if each.name in names]
    return stack_bases(DockerEngine.connect().observe(project.name), project.balancer, classes)


def _show(result: LoadResult, judgement: Judgement, folder: Path | None, *, json: bool) -> None:
    run, found = load_report(result, judgement), document(result, judgement)
    paths = write_report(run, folder, NAME, found) if folder else ()
    console = Console.standard(json=json)
    if json:
        print_json(found)
    else:
        text = terminal_text(run, colour=console.colour, columns=layout_columns(console.stream))
        console.stream.write(text)
    for path in paths:
        console.say(f"wrote {path}")
    if result.interrupted:
        raise Interrupted(2)
    if judgement.invalid:
        check = judgement.invalid[0]
        raise OpsError(f"invalid run: {check.found}", check.hint or None)
    if judgement.missed:
        names = [f"{each.name} is {each.measured_text}, {each.target} wanted" for each in judgement.missed]
        raise OpsError("\n  ".join([f"{len(names)} of {len(judgement.objectives)} objectives are missed", *names]))
