"""One run of a workflow on this machine: clean clone, services, act, results, report; nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import time
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.change.signals import uninterrupted
from optimus_ops.ci.act_events import OutputLine, StepStarted, parse_event
from optimus_ops.ci.ci_report import headline, result_sections, run_json, run_report
from optimus_ops.ci.results import RunResults, passed
from optimus_ops.ci.run_folder import REPORT, RunFolder, make_run_folder, remove_old_runs
from optimus_ops.ci.runner import (
    OWN_REPOSITORY,
    RUN_VARIABLE,
    act_command,
    offer_uv,
    own_paths_written,
    runner_environment,
    write_own_paths,
    write_replacements,
)
from optimus_ops.ci.service_containers import check_free, same_ports, with_service_steps, write_services
from optimus_ops.ci.step_shells import confirm_read, write_shells
from optimus_ops.errors import OpsError
from optimus_ops.project.git_checkout import clone
from optimus_ops.reports.files import write_report
from optimus_ops.reports.model import Run
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.system.guard import guarded
from optimus_ops.system.output_masking import OUTPUT
from optimus_ops.system.process import BothStreams, run
from optimus_ops.text.console import Console, Progress, print_json
from optimus_ops.text.layout import layout_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.ci.act_events import ActEvent
    from optimus_ops.ci.actions import Checkout
    from optimus_ops.ci.ci_plan import CiPlan, PlannedJob
    from optimus_ops.ci.model import Job
    from optimus_ops.ci.results import JobResult
    from optimus_ops.ci.run_request import RunRequest
    from optimus_ops.project.settings import Project

RUN_SECONDS = 6 * 3600.0
"""GitHub's own limit of a job."""


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
        check_free(self._with_services())
        self.folder = make_run_folder(self.project.state)
        self.results = RunResults(self.plan, time.monotonic)
        try:
            commit = clone(self.project.root, self.folder.checkout)
            self._copy_workflow()
            self.plan = self._with_clones()
            write_replacements(self.plan, self.folder)
            path = os.environ.get("PATH", os.defpath)
            write_shells(self.folder.shells, path)
            offer_uv(self.folder.shells, path)
            stops = self._add_services()
        except BaseException:
            self.folder.discard()
            raise
        started, code = time.monotonic(), None
        ended = contextlib.ExitStack()
        try:
            ended.enter_context(guarded(f"{RUN_VARIABLE}={self.folder.run_id}", commands=map(shlex.split, stops)))
            code = self._run_act()
        finally:
            with uninterrupted(lambda: self.console.say("the run is being ended")):
                ended.close()
                jobs = self.results.finished(cancelled=code is None)
                self._report(jobs, commit, time.monotonic() - started)
                self.folder.tidy()
                remove_old_runs(self.project.state, time.time())
        self._raise_failed(jobs, code)

    def _copy_workflow(self) -> None:
        """Copy the workflow for act, so that jobs work in the commit itself; of it, only what is called is changed."""
        checkout = self.folder.checkout
        text = (checkout / self.plan.file).read_text("utf-8", "surrogateescape")
        self.folder.workflow.write_text(own_paths_written(text, OWN_REPOSITORY), "utf-8", "surrogateescape")
        write_own_paths(checkout, OWN_REPOSITORY, [checkout / file for file in sorted(self.plan.called_files)])

    def _with_clones(self) -> CiPlan:
        """Clone the folders that stand for other repositories, too, so that nothing but their last commit is used."""
        clones = {}
        for name, path in self.plan.others.items():
            clones[path] = self.folder.others / name.replace("/", "__")
            clone(path, clones[path])
            write_own_paths(clones[path], name, (clones[path] / ".github" / "workflows").glob("*.y*ml"))
        actions = (replace(use, folder=clones.get(use.folder, use.folder)) for use in self.plan.actions if use.folder)
        others = (use for use in self.plan.actions if not use.folder)
        return replace(
            self.plan, actions=(*others, *actions), others={n: clones[p] for n, p in self.plan.others.items()}
        )

    def _with_services(self) -> tuple[PlannedJob, ...]:
        return tuple(entry for entry in self.plan.leaves if entry.job.services and entry.runs)

    def _add_services(self) -> list[str]:
        """Write the services of jobs, and the steps that start and stop them into the clones' workflows."""
        commands: dict[Path, dict[str, tuple[str, str]]] = {}
        for entry in self._with_services():
            origin, job = entry.origin, entry.job
            workflow = self._cloned(origin.checkout) / origin.file if origin.callers else self.folder.workflow
            name = f"{origin.workflow.key}-{job.id}" if origin.callers else job.id
            path = self.folder.path / f"services-{name}.yml"
            found = write_services(job, origin.file, path, self.images, self.folder.run_id)
            commands.setdefault(workflow, {})[job.id] = found
        for path, of_jobs in commands.items():
            path.write_text(with_service_steps(path.read_text("utf-8"), of_jobs), "utf-8")
        return [stop for of_jobs in commands.values() for _, stop in of_jobs.values()]

    def _cloned(self, checkout: Checkout) -> Path:
        """Return the clean clone of a checkout of the plan."""
        name = next((name for name, path in checkout.others.items() if path == checkout.root), "")
        return self.plan.others[name] if name else self.folder.checkout

    def _run_act(self) -> int:
        """Run act to its end; return its exit code."""
        command = act_command(
            self.plan,
            self.folder,
            event_file=self.request.event_file,
            secrets=self.request.secrets,
            port=free_port(),
        )
        if same_ports(at_once(self.plan)):
            command += ["--concurrent-jobs", "1"]
        secrets = {name: os.environ[name] for name in self.request.secrets}
        OUTPUT.add(*secrets.values())
        environ = {**runner_environment(os.environ, self.folder), **secrets}
        progress = Progress(f"running {self.plan.file}")
        with self.folder.log.open("w", encoding="utf-8") as log, self.console.under_way(progress):

            def take(line: str) -> None:
                log.write(f"{line}\n")
                self._take(line, progress)

            # act reports on standard output, and its own failure on standard error.
            listener = BothStreams(take)
            cwd, seconds = self.folder.checkout, RUN_SECONDS
            done = run(command, cwd=cwd, environ=environ, deadline=seconds, on_line=listener, check=False)
        return done.code

    def _take(self, line: str, progress: Progress) -> None:
        event = parse_event(line)
        if isinstance(event, OutputLine) and (text := confirm_read(self.folder.shells, event.text)) != event.text:
            if not text:
                return
            event = replace(event, text=text)
        ended = self.results.take(event)
        if ended is not None:
            mark, colour = ("✗", "31") if ended.result == "failure" else ("✓", "32")
            self.console.say(f"{self.console.paint(mark, colour)} {ended.title} ({ended.seconds:.1f} s)")
            if ended.result == "failure":
                self.console.say("\n".join([f"  {ended.reason}:", *(f"    {text}" for text in ended.tail)]))
        self._show_running(event, progress)

    def _show_running(self, event: ActEvent, progress: Progress) -> None:
        """Keep what is under way on the line of a terminal; a pipe gets a line for each step of a job that begins."""
        running = self.results.running()
        if self.console.live:
            progress.show("; ".join(f"{job.title}: {job.current}" for job in running))
            return
        progress.show(", ".join(job.title for job in running))
        if isinstance(event, StepStarted) and len(event.source.step) == 1 and event.stage == "Main":
            self.console.say(f"  {self.results.title_of(event.source)}: {event.title}")

    def _report(self, jobs: tuple[JobResult, ...], commit: str, seconds: float) -> None:
        facts = {"commit": commit, "event": self.plan.event, "seconds": f"{seconds:.1f}"}
        document = run_json(self.plan, jobs, self.results, facts)
        paths = write_report(run_report(self.plan, jobs, self.results, facts), self.folder.path, REPORT, document)
        if self.request.json:
            print_json(document)
        else:
            found = Run("", headline(jobs), {}, tuple(result_sections(self.plan, jobs, self.results)))
            self.console.say(
                terminal_text(found, colour=self.console.colour, columns=layout_columns(self.console.stream)).strip()
            )
            page = next(path for path in paths if path.suffix == ".html")
            self.console.say(f"report: {page}")

    def _raise_failed(self, jobs: tuple[JobResult, ...], code: int | None) -> None:
        if not passed(jobs):
            failed = ", ".join(job.title for job in jobs if job.result in {"failure", "cancelled"})
            raise OpsError(f"{self.plan.file}: {failed}", "the report names the step; its output is in act.jsonl")
        if code and not self.results.jobs:
            last = self.results.messages[-1] if self.results.messages else "no job was started"
            raise OpsError(f"act ended with {code}: {last}")


def at_once(plan: CiPlan) -> tuple[Job, ...]:
    """Return the jobs of a plan, each as often as it may run: once for each combination of those that call it."""
    return tuple(
        entry.job
        for entry in plan.leaves
        for _ in range(prod(len(caller.matrix.combinations) or 2 for caller in entry.origin.callers))
    )


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
