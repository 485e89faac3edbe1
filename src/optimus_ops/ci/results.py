"""What a run gave: jobs with their steps and times, annotations, summaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.act_events import (
    Annotation,
    JobEnded,
    OutputLine,
    StepEnded,
    StepStarted,
    StepSummary,
)
from optimus_ops.ci.ci_plan import job_title
from optimus_ops.text.escapes import without_escapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from optimus_ops.ci.act_events import ActEvent, Result, Source
    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.model import Job
    from optimus_ops.reports.model import Finding

TAIL_LINES = 25


@dataclass(frozen=True)
class StepResult:
    """A step that ended."""

    title: str
    result: Result
    seconds: float
    tolerated: bool = False


@dataclass
class JobResult:
    """A job in one combination."""

    title: str
    job: str
    matrix: Mapping[str, Any] = field(default_factory=dict)
    result: Result = "skipped"
    reason: str = ""
    started: float = 0.0
    ended: float = 0.0
    steps: list[StepResult] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    current: str = ""

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended - self.started


@dataclass
class RunResults:
    """Gathers the events of a run.

    Args:
        plan: what was to run.
        clock: monotonic seconds.
    """

    plan: CiPlan
    clock: Callable[[], float]
    jobs: dict[str, JobResult] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    summaries: list[tuple[str, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def take(self, event: ActEvent) -> JobResult | None:
        """Take one event; return the job that it ended, if it did."""
        if isinstance(event, StepStarted):
            found = self._of(event.source)
            if len(event.source.step) == 1:
                found.current = event.title
                if found.result != "failure":
                    found.tail.clear()
        elif isinstance(event, OutputLine):
            self._add_line(self._of(event.source), event.text)
        elif isinstance(event, Annotation):
            self.findings.append(event.finding)
        elif isinstance(event, StepSummary):
            self.summaries.append((self._of(event.source).title, event.markdown))
        elif isinstance(event, StepEnded):
            self._step_ended(event)
        elif isinstance(event, JobEnded):
            return self._job_ended(event)
        elif event.level == "error":
            self.messages.append(event.text)
        return None

    def running(self) -> tuple[JobResult, ...]:
        """Return the jobs that are under way."""
        return tuple(job for job in self.jobs.values() if not job.ended)

    def finished(self, *, cancelled: bool) -> tuple[JobResult, ...]:
        """Return all jobs of the plan: those that did not run are skipped, or cancelled where the run was."""
        for job in self.running():
            job.ended, job.result = self.clock(), "cancelled" if cancelled else "failure"
            job.reason = job.reason or ("interrupted" if cancelled else "act ended before the job")
        ran = {job.job for job in self.jobs.values()}
        others = [_not_started(entry.job, runs=entry.runs) for entry in self.plan.jobs if entry.job.id not in ran]
        order = {entry.job.id: number for number, entry in enumerate(self.plan.jobs)}
        return tuple(sorted([*self.jobs.values(), *others], key=lambda job: order.get(job.job, len(order))))

    def _of(self, source: Source) -> JobResult:
        if source.key not in self.jobs:
            job = next((entry.job for entry in self.plan.jobs if entry.job.id == source.job), None)
            title = job_title(job, source.matrix) if job else source.key.partition("/")[2].strip()
            self.jobs[source.key] = JobResult(title, source.job, source.matrix, started=self.clock())
        return self.jobs[source.key]

    def _add_line(self, job: JobResult, text: str) -> None:
        """Keep the end of the output of the step that is under way, or of the one that failed."""
        if job.result != "failure":
            job.tail.append(without_escapes(text))
            del job.tail[:-TAIL_LINES]

    def _step_ended(self, event: StepEnded) -> None:
        if len(event.source.step) != 1 or event.stage not in {"Main", ""}:
            return
        job = self._of(event.source)
        tolerated = event.result == "failure" and self._tolerated(event.source)
        if event.stage:
            job.steps.append(StepResult(event.title, event.result, event.seconds, tolerated))
        if event.result == "failure" and not tolerated:
            job.result = "failure"
            job.reason = job.reason or f"step {event.title!r} failed"

    def _job_ended(self, event: JobEnded) -> JobResult:
        job = self._of(event.source)
        job.ended = self.clock()
        # act gives one result to all combinations of a matrix; the steps of this one decide.
        if job.result != "failure":
            whole = event.result == "failure" and not job.matrix
            job.result = "failure" if whole else ("success" if event.result == "failure" else event.result)
        return job

    def _tolerated(self, source: Source) -> bool:
        job = next((entry.job for entry in self.plan.jobs if entry.job.id == source.job), None)
        # act names a step by its id, or else by its index; a job with services has one step more in front.
        steps = job.steps if job else ()
        first = 1 if job and job.services else 0
        names = {step.id or str(index): step for index, step in enumerate(steps, first)}
        return source.step[0] in names and names[source.step[0]].continue_on_error


def _not_started(job: Job, *, runs: bool) -> JobResult:
    reason = "its condition or a needed job" if runs else f"wants {', '.join(job.runs_on)}, which is not this machine"
    return JobResult(job_title(job, {}), job.id, reason=reason)


def passed(jobs: Iterable[JobResult]) -> bool:
    """Tell whether no job failed or was cancelled."""
    return all(job.result in {"success", "skipped"} for job in jobs)
