"""`invoke load-test --profile spike` at a fresh stack that `invoke autoscale` follows: what users waited."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.platform_under_test import Engine, Platform, platform
from benchmarks.section import Blocks, paragraph, show
from optimus_ops.checks.model import Check
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.loadtest.flags import LoadFlags
from optimus_ops.loadtest.judgement import Judgement, judge
from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.plan import LoadPlan
from optimus_ops.loadtest.platform import load_platform
from optimus_ops.loadtest.report import load_report
from optimus_ops.loadtest.request import LoadRequest, plan_load
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.project.settings import load_project
from optimus_ops.reports.model import Block, Details, Table
from optimus_ops.text.console import Console

PROFILE, SERVICE, MODEL = "spike", "ai-engine", "embedded/200"
QUICK_SECONDS = 30.0
CHANGES = ("at, s", "replicas", "took, s")
NOTE = paragraph(
    f"The profile `{PROFILE}` as it is: ten times the arrivals within 30 s, a plateau of 30 s, and back. Chats and "
    f"streams ask for the model `{MODEL}`, which takes 200 ms: at the top about 56 requests at once. A replica "
    "serves 32 at once. The stack begins with one replica of each service, and `invoke autoscale` follows it by "
    "`config/autoscale.yaml`: its cool-down of 300 s is longer than the load. Generator, balancer, services and stores "
    "share this machine."
)


def measure(engine: Engine, *, quick: bool) -> Blocks:
    """Measure one run, and return the load test's own report of it."""
    with platform(engine) as stack:
        stack.invoke("scale", f"--{SERVICE}", "1", deadline=900)
        plan = planned(stack, QUICK_SECONDS if quick else 0.0)
        with followed(stack, plan.profile.seconds) as changes:
            result = run_load(stack, plan)
    judgement = judge(result)
    if judgement.invalid:
        raise RuntimeError(f"invalid run: {judgement.invalid[0].found}")
    return *judgement.objectives, NOTE, changes_table(changes), *report_blocks(result, judgement)


def planned(stack: Platform, seconds: float) -> LoadPlan:
    """Plan the profile as `invoke load-test` does; seconds above 0 stretch its times."""
    project = load_project(stack.root, stack.environ)
    return plan_load(LoadRequest(LoadFlags(seconds=seconds), profile=PROFILE), project, load_platform(project))


def run_load(stack: Platform, plan: LoadPlan) -> LoadResult:
    """Send the load, and collect what became of it."""
    project = load_project(stack.root, stack.environ)
    usual = load_platform(project)
    offered = replace(usual, prepare=lambda: {**usual.prepare(), "model": MODEL})
    with Console.for_stream(sys.stderr).step(plan.profile.summary) as progress:
        return LoadRun(plan, offered, project.root, DockerEngine.connect(), project.name).measure(progress)


@contextmanager
def followed(stack: Platform, seconds: float) -> Iterator[list[Mapping[str, Any]]]:
    """Let `invoke autoscale` follow the stack for so long; what it changed is in the list after the block."""
    changes: list[Mapping[str, Any]] = []
    command = [str(Path(sys.executable).with_name("invoke")), "autoscale", "--json", "--for", f"{seconds:.0f}s"]
    with subprocess.Popen(
        command, cwd=stack.root, env=dict(stack.environ), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield changes
            # A change that is under way comes to its end.
            output, _ = process.communicate(timeout=180)
        finally:
            process.terminate()
    changes += json.loads(output)["changes"]
    show(f"  {len(changes)} changes")


def changes_table(changes: Sequence[Mapping[str, Any]]) -> Table:
    """Return what was scaled, in seconds since the first change was decided."""
    first = changes[0]["at"] if changes else 0.0
    rows = [
        (f"{change['at'] - first:.0f}", str(change["counts"].get(SERVICE, "-")), f"{change['seconds']:.1f}")
        for change in changes
        if change["outcome"] == "done"
    ]
    return Table(("change", *CHANGES), tuple((str(n), *row) for n, row in enumerate(rows, 1)), frozenset(CHANGES))


def report_blocks(result: LoadResult, judgement: Judgement) -> Iterator[Block]:
    """Give the blocks of the load test's report below its objectives: checks as words, nothing folded away."""
    run = load_report(result, judgement)
    for section in run.sections:
        shown = [found for found in section.blocks if not isinstance(found, Check | Details)]
        checks = [found for found in section.blocks if isinstance(found, Check)]
        if checks:
            yield paragraph(f"{section.title}? " + "; ".join(f"{found.name}: {found.found}" for found in checks) + ".")
        elif section.blocks != judgement.objectives:
            yield paragraph(f"{section.title}:")
            yield from shown
