"""`invoke ci.list` and `invoke ci.run`: workflow files of the checkout, run on this machine by nektos/act."""

from __future__ import annotations

import json as json_text
import os
import secrets as random
import shlex
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.ci.act_events import parse_event
from optimus_ops.ci.checkout import clone, uncommitted
from optimus_ops.ci.ci_plan import CiPlan, default_event, plan_run
from optimus_ops.ci.ci_report import headline, run_json, run_report
from optimus_ops.ci.plan_text import plan_json, plan_lines
from optimus_ops.ci.results import JobResult, RunResults, passed
from optimus_ops.ci.runner import RUN_VARIABLE, RunFolder, act_command, runner_environment, write_replacements
from optimus_ops.ci.service_containers import same_ports, with_service_steps, write_services
from optimus_ops.ci.workflow_file import find_workflow, read_workflow, workflow_paths
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.system.process import run
from optimus_ops.text.console import Console, Progress, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.project.settings import Project

RUN_SECONDS = 6 * 3600.0
"""GitHub's own limit of a job."""
PAYLOAD_EVENTS = ("pull_request", "merge_group", "release", "issue_comment", "deployment", "schedule")


@dataclass(frozen=True)
class RunRequest:
    """What `invoke ci.run` was asked for.

    Args:
        event: name of an event, or a JSON file with its payload; "" for the usual one of the workflow.
        matrix: `name=value` texts.
        secrets: names of environment variables that the workflow gets as secrets.
    """

    workflow: str
    job: str = ""
    event: str = ""
    matrix: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    plan: bool = False
    json: bool = False

    @property
    def event_file(self) -> Path | None:
        """The file with the event's payload, if one was given."""
        return Path(self.event).resolve() if self.event.endswith(".json") else None

    def matrix_values(self) -> dict[str, str]:
        """Return the chosen values of the matrix.

        Raises:
            Refused: one is not `name=value`.
        """
        pairs = [text.partition("=") for text in self.matrix]
        if bad := next((text for text, pair in zip(self.matrix, pairs, strict=True) if not pair[0] or not pair[1]), ""):
            raise Refused(f"--matrix {bad}: name=value is expected")
        return {name: value for name, _, value in pairs}


def run_workflow(request: RunRequest) -> None:
    """Plan a workflow's run, show the plan, and carry it out.

    Raises:
        OpsError: a job failed.
        Refused: the workflow is malformed, or can't run here as asked.
        MissingPrerequisite: act or the engine is missing.
    """
    project = load_project()
    console = Console.standard(json=request.json)
    if missing := next((name for name in request.secrets if name not in os.environ), ""):
        raise Refused(f"--secret {missing}: the environment has no such variable")
    plan = _plan(project, request)
    images = _images(project, plan, console)
    if request.plan:
        if request.json:
            print_json(plan_json(plan))
        else:
            console.say("\n".join(plan_lines(plan, images)))
        return
    console.say("\n".join(plan_lines(plan, images)))
    if count := uncommitted(project.root):
        console.say(f"note: {count} uncommitted files are not part of the run, which takes the last commit")
    LocalRun(project, request, plan, images, console).carry_out()


@dataclass
class LocalRun:
    """One run of a plan: its folder, act, the results."""

    project: Project
    request: RunRequest
    plan: CiPlan
    images: Mapping[str, str]
    console: Console
    folder: RunFolder = field(init=False)
    results: RunResults = field(init=False)

    def carry_out(self) -> None:
        """Clone, run, report; whatever happens, end all processes and containers of the run."""
        self.folder = self._make_folder()
        self.results = RunResults(self.plan, time.monotonic)
        commit = clone(self.project.root, self.folder.checkout)
        write_replacements(self.plan, self.folder)
        stops = self._add_services()
        started, cancelled = time.monotonic(), True
        try:
            self._run_act()
            cancelled = False
        finally:
            end_processes(self.folder.run_id)
            for stop in stops:
                run(shlex.split(stop), check=False, deadline=60.0)
            jobs = self.results.finished(cancelled=cancelled)
            self._report(jobs, commit, time.monotonic() - started)
            shutil.rmtree(self.folder.workspaces, ignore_errors=True)
            shutil.rmtree(self.folder.checkout, ignore_errors=True)
        self._raise_failed(jobs)

    def _make_folder(self) -> RunFolder:
        state = self.project.state
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{random.token_hex(2)}"
        folder = RunFolder(run_id, state / "ci" / run_id, state / "ci" / "home", state / "artifacts" / run_id)
        for path in (folder.path, folder.home, folder.artifacts):
            path.mkdir(parents=True, exist_ok=True)
        (folder.path / "empty").touch()
        return folder

    def _add_services(self) -> list[str]:
        """Write the services of jobs, and the steps that start and stop them into the clone's workflow."""
        jobs = [entry.job for entry in self.plan.jobs if entry.job.services and entry.runs]
        commands = {
            job.id: write_services(job, self.plan.file, self.folder.path, self.images, self.folder.run_id)
            for job in jobs
        }
        if commands:
            path = self.folder.checkout / self.plan.file
            path.write_text(with_service_steps(path.read_text("utf-8"), commands), "utf-8")
        return [stop for _, stop in commands.values()]

    def _run_act(self) -> None:
        command = act_command(
            self.plan,
            self.folder,
            job=self.request.job,
            matrix=self.request.matrix_values(),
            event_file=self.request.event_file,
            secrets=self.request.secrets,
            port=free_port(),
        )
        if same_ports(tuple(entry.job for entry in self.plan.jobs)):
            command += ["--concurrent-jobs", "1"]
        secrets = {name: os.environ[name] for name in self.request.secrets}
        environ = {**runner_environment(os.environ, self.folder), **secrets}
        progress = Progress(f"running {self.plan.file}")
        with (self.folder.path / "act.jsonl").open("w", encoding="utf-8") as log, self.console.showing(progress):

            def take(line: str) -> None:
                log.write(f"{line}\n")
                self._take(line, progress)

            # `run` hands over standard error line by line, and act reports on standard output.
            shell = ["/bin/sh", "-c", 'exec "$@" >&2', "act", *command]
            run(shell, cwd=self.folder.checkout, environ=environ, deadline=RUN_SECONDS, on_line=take, check=False)

    def _take(self, line: str, progress: Progress) -> None:
        ended = self.results.take(parse_event(line))
        if ended is not None:
            mark, colour = ("✗", "31") if ended.result == "failure" else ("✓", "32")
            self.console.say(f"{self.console.paint(mark, colour)} {ended.title} ({ended.seconds:.1f} s)")
            if ended.result == "failure":
                self.console.say("\n".join([f"  {ended.reason}:", *(f"    {text}" for text in ended.tail)]))
        progress.show("; ".join(f"{job.title}: {job.current}" for job in self.results.running()))

    def _report(self, jobs: tuple[JobResult, ...], commit: str, seconds: float) -> None:
        facts = {"commit": commit, "event": self.plan.event, "seconds": f"{seconds:.1f}"}
        document = run_json(self.plan, jobs, self.results, facts)
        paths = write_report(run_report(self.plan, jobs, self.results, facts), self.folder.path, "ci-run", document)
        if self.request.json:
            print_json(document)
        else:
            self.console.say(headline(jobs))
            page = next(path for path in paths if path.suffix == ".html")
            self.console.say(f"report: {page}")

    def _raise_failed(self, jobs: tuple[JobResult, ...]) -> None:
        if not passed(jobs):
            failed = ", ".join(job.title for job in jobs if job.result in {"failure", "cancelled"})
            raise OpsError(f"{self.plan.file}: {failed}", "the report names the step; its output is in act.jsonl")
        if self.results.messages and not self.results.jobs:
            raise OpsError(f"act: {self.results.messages[-1]}")


def list_workflows(*, json: bool) -> None:
    """Print the workflows of the checkout: events, jobs, numbers of combinations."""
    project = load_project()
    found = [read_workflow(path, project.root) for path in workflow_paths(project.root)]
    if json:
        print_json(
            {
                "workflows": [
                    {
                        "workflow": workflow.key,
                        "file": workflow.path.relative_to(project.root).as_posix(),
                        "name": workflow.name,
                        "events": list(workflow.triggers),
                        "jobs": [job.id for job in workflow.jobs],
                    }
                    for workflow in found
                ]
            }
        )
        return
    for workflow in found:
        jobs = ", ".join(job.id for job in workflow.jobs)
        sys.stdout.write(f"{workflow.key:20} {', '.join(workflow.triggers)}\n{'':20}   jobs: {jobs}\n")


def end_processes(run_id: str) -> None:
    """End what a run left behind: all processes that have its id in their environment."""
    marker = f"{RUN_VARIABLE}={run_id}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _images(project: Project, plan: CiPlan, console: Console) -> Mapping[str, str]:
    if not any(entry.job.services for entry in plan.jobs if entry.runs):
        return {}
    from optimus_ops.ci.service_images import local_images  # noqa: PLC0415 - only services need the engine

    return local_images(project, plan, console)


def _plan(project: Project, request: RunRequest) -> CiPlan:
    workflow = read_workflow(find_workflow(project.root, request.workflow), project.root)
    event = _event_of(request.event_file) if request.event_file else request.event or default_event(workflow)
    return plan_run(workflow, project.root, event=event, job=request.job, matrix=request.matrix_values())


def _event_of(path: Path) -> str:
    """Return the event whose payload a file holds."""
    try:
        payload = json_text.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"--event {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"--event {path.name}: not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Refused(f"--event {path.name}: a JSON object is expected")
    named = next((event for event in PAYLOAD_EVENTS if event in payload), "")
    return named or ("workflow_dispatch" if "inputs" in payload else "push")
