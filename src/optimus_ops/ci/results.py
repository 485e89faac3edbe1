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
from optimus_ops.ci.event_jobs import event_title, planned_job
from optimus_ops.text.escapes import safe_to_show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from optimus_ops.ci.act_events import ActEvent, Result, Source
    from optimus_ops.ci.ci_plan import CiPlan, PlannedJob
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
    entry: PlannedJob | None = None
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
                found.current = event.title if event.stage in {"Main", ""} else f"{event.stage}: {event.title}"
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

    def title_of(self, source: Source) -> str:
        """Return the title of the job that an event is of."""
        return self._of(source).title

    def finished(self, *, cancelled: bool) -> tuple[JobResult, ...]:
        """Return all jobs of the plan: those that did not run are skipped, or cancelled where the run was."""
        for job in self.running():
            job.ended, job.result = self.clock(), "cancelled" if cancelled else "failure"
            job.reason = job.reason or ("interrupted" if cancelled else "act ended before the job")
        ran = {job.entry.id for job in self.jobs.values() if job.entry}
        others = [
            _not_started(entry)
            for outer in self.plan.jobs
            # Of a workflow that was not called at all, the job that would call it stands for all.
            for entry in (outer.leaves() if any(leaf.id in ran for leaf in outer.leaves()) else (outer,))
            if entry.id not in ran
        ]
        entries = (entry for outer in self.plan.jobs for entry in outer.entries())
        order = {entry.id: number for number, entry in enumerate(entries)}
        found = [*self.jobs.values(), *others]
        return tuple(sorted(found, key=lambda job: (order[job.entry.id] if job.entry else len(order), job.title)))

    def _of(self, source: Source) -> JobResult:
        if source.key not in self.jobs:
            entry = planned_job(self.plan, source)
            title = event_title(entry, source)
            self.jobs[source.key] = JobResult(title, source.job, entry, source.matrix, started=self.clock())
        return self.jobs[source.key]

    def _add_line(self, job: JobResult, text: str) -> None:
        """Keep the end of the output of the step that is under way, or of the one that failed."""
        if job.result != "failure":
            job.tail.append(safe_to_show(text))
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
        entry = planned_job(self.plan, source)
        job = entry.job if entry else None
        # act names a step by its id, or else by its index; a job with services has one step more in front.
        steps = job.steps if job else ()
        first = 1 if job and job.services else 0
        names = {step.id or str(index): step for index, step in enumerate(steps, first)}
        return source.step[0] in names and names[source.step[0]].continue_on_error


def _not_started(entry: PlannedJob) -> JobResult:
    wants = f"wants {', '.join(entry.labels)}, which is not this machine"
    reason = "its condition or a needed job" if entry.runs else wants
    title = entry.titles[0] if len(entry.titles) == 1 else entry.id
    return JobResult(title, entry.job.id, entry, reason=reason)


def passed(jobs: Iterable[JobResult]) -> bool:
    """Tell whether no job failed or was cancelled."""
    return all(job.result in {"success", "skipped"} for job in jobs)
