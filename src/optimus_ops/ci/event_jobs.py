"""Which job of a plan an event of act is of, and the name that it is shown by.

act names a job `WORKFLOW/JOB`, and one of a called workflow `CALLER/WORKFLOW/JOB`, with `-1`, `-2`… behind the name of
a job with several combinations; the values of a caller's combination are not said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from optimus_ops.ci.job_names import job_title

if TYPE_CHECKING:
    from optimus_ops.ci.act_events import Source
    from optimus_ops.ci.ci_plan import CiPlan, PlannedJob
    from optimus_ops.ci.model import Job, Workflow

EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def planned_job(plan: CiPlan, source: Source) -> PlannedJob | None:
    """Return the job of the plan that an event is of: among those of the same id, the one whose caller act names."""
    same = [entry for entry in plan.leaves if entry.job.id == source.job]
    called = [entry for entry in same if entry.origin.callers and caller_label(entry, source.key)]
    own = [entry for entry in same if not entry.origin.callers]
    return next(iter((*called, *own)), None)


def event_title(entry: PlannedJob | None, source: Source) -> str:
    """Return the name that a job is shown by."""
    if entry is None:
        return source.key.partition("/")[2].strip()
    title = _name(entry.job, source)
    if not entry.origin.callers:
        return title
    outer = [job_title(caller, {}) for caller in entry.origin.callers[:-1]]
    return " / ".join([*outer, caller_label(entry, source.key), title])


def caller_label(entry: PlannedJob, key: str) -> str:
    """Return what act calls the job that calls this one's workflow, or "" where the event is of another one."""
    caller = entry.origin.callers[-1]
    found = re.match(
        f"(?P<label>{_pattern(caller.name or caller.id)}(-\\d+)?) */{_workflow(entry.origin.workflow)}/", key
    )
    return found["label"] if found else ""


def _name(job: Job, source: Source) -> str:
    """Return the job's name; act has filled in other expressions than those of the matrix."""
    title = job_title(job, source.matrix)
    if "${{" not in title:
        return title
    found = re.search(f"/(?P<name>{_pattern(job.name)})(-\\d+)? *$", source.key)
    return found["name"] if found else title


def _workflow(workflow: Workflow) -> str:
    return f"({re.escape(workflow.name)}|{re.escape(workflow.path.name)})"


def _pattern(name: str) -> str:
    """Return a pattern of a name with any text in place of its expressions."""
    return ".*".join(re.escape(part) for part in EXPRESSION.split(name))
