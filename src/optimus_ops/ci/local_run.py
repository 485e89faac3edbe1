"""One run of a workflow on this machine: clean clone, services, act, results, report; nothing is left behind."""

from __future__ import annotations

import os
import secrets as random
import shlex
import shutil
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.act_events import parse_event
from optimus_ops.ci.ci_report import headline, run_json, run_report
from optimus_ops.ci.results import RunResults, passed
from optimus_ops.ci.runner import RUN_VARIABLE, RunFolder, act_command, runner_environment, write_replacements
from optimus_ops.ci.service_containers import same_ports, with_service_steps, write_services
from optimus_ops.errors import OpsError
from optimus_ops.project.git_checkout import clone
from optimus_ops.reports.files import write_report
from optimus_ops.system.process import BothStreams, run
from optimus_ops.text.console import Console, Progress, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.results import JobResult
    from optimus_ops.ci.run_request import RunRequest
    from optimus_ops.project.settings import Project

RUN_SECONDS = 6 * 3600.0
"""GitHub's own limit of a job."""
STOP_SECONDS = 60.0


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
        self.plan = self._with_clones()
        write_replacements(self.plan, self.folder)
        stops = self._add_services()
        started, cancelled = time.monotonic(), True
        try:
            code = self._run_act()
            cancelled = False
        finally:
            end_processes(self.folder.run_id)
            for stop in stops:
                run(shlex.split(stop), check=False, deadline=STOP_SECONDS)
            jobs = self.results.finished(cancelled=cancelled)
            self._report(jobs, commit, time.monotonic() - started)
            shutil.rmtree(self.folder.workspaces, ignore_errors=True)
            shutil.rmtree(self.folder.checkout, ignore_errors=True)
            shutil.rmtree(self.folder.path / "others", ignore_errors=True)
        self._raise_failed(jobs, code)

    def _make_folder(self) -> RunFolder:
        state = self.project.state
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{random.token_hex(2)}"
        folder = RunFolder(run_id, state / "ci" / run_id, state / "ci" / "home", state / "artifacts" / run_id)
        for path in (folder.path, folder.home, folder.artifacts):
            path.mkdir(parents=True, exist_ok=True)
        (folder.path / "empty").touch()
        return folder

    def _with_clones(self) -> CiPlan:
        """Clone the folders that stand for other repositories, too, so that nothing but their last commit is used."""
        clones = {}
        for name, path in self.request.replacements().items():
            clones[path] = self.folder.path / "others" / name.replace("/", "__")
            clone(path, clones[path])
        actions = (replace(use, folder=clones.get(use.folder, use.folder)) for use in self.plan.actions if use.folder)
        others = (use for use in self.plan.actions if not use.folder)
        return replace(self.plan, actions=(*others, *actions))

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

    def _run_act(self) -> int:
        """Run act to its end; return its exit code."""
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

            # act reports on standard output, and its own failure on standard error.
            options: dict[str, Any] = {"on_line": BothStreams(take), "check": False, "deadline": RUN_SECONDS}
            done = run(command, cwd=self.folder.checkout, environ=environ, **options)
        return done.code

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

    def _raise_failed(self, jobs: tuple[JobResult, ...], code: int) -> None:
        if not passed(jobs):
            failed = ", ".join(job.title for job in jobs if job.result in {"failure", "cancelled"})
            raise OpsError(f"{self.plan.file}: {failed}", "the report names the step; its output is in act.jsonl")
        if code and not self.results.jobs:
            last = self.results.messages[-1] if self.results.messages else "no job was started"
            raise OpsError(f"act ended with {code}: {last}")


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
