"""`invoke trace-smoke-test`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console
from optimus_ops.traces.overlay_command import overlay_command
from optimus_ops.traces.smoke import report
from optimus_ops.traces.smoke.execute import SmokeTest
from optimus_ops.traces.smoke.places import PlaceFlags, find_places
from optimus_ops.traces.smoke.preflight import check_addresses
from optimus_ops.traces.smoke.probe import load_probes
from optimus_ops.traces.smoke.targets import check_targets
from optimus_ops.traces.stack_stores import TEMPO


@dataclass(frozen=True)
class SmokeRequest:
    """What is asked for: places, seconds for traces and logs, and for search (None: no longer than all else)."""

    places: PlaceFlags
    within: float
    search: float | None = None
    report: str = ""


def smoke(request: SmokeRequest, *, json: bool) -> None:
    """Send the requests, verify their traces, print what was found.

    Raises:
        Refused: the stack has no stores, a flag is no address, or a target is of a service that gets no request.
        OpsError: a trace is not whole, or nobody listens at an address that was given.
    """
    project = load_project()
    places = find_places(
        request.places,
        os.environ,
        lambda: DockerEngine.connect().observe(project.name),
        project.balancer,
        overlay_command(project, TEMPO),
    )
    probes = load_probes(project)
    check_targets(request.places.target, probes.probes)
    check_addresses(request.places, places)
    test = SmokeTest(places, probes, request.within, request.search)
    with Console.for_stream(sys.stderr).step("sending requests, and looking for their traces"):
        result = test.run()
    report.show(result, Path(request.report) if request.report else None, json=json)
