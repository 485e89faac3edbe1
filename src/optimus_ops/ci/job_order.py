"""The order of a workflow's jobs: by stages, each after the jobs that it needs."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import zip_longest
from typing import TYPE_CHECKING

from optimus_ops.project.yaml_nodes import YamlError
from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.ci.model import Job, Workflow


def job_stages(workflow: Workflow, file: str) -> tuple[tuple[Job, ...], ...]:
    """Return the jobs in stages: all of a stage may run at once.

    Raises:
        YamlError: a job needs an unknown one, or they need each other in a circle.
    """
    known = {job.id: job for job in workflow.jobs}
    for job in workflow.jobs:
        for need, line in zip_longest(job.needs, job.need_lines, fillvalue=job.line):
            if need not in known:
                raise YamlError(
                    Place(file, line),
                    f"job {job.id!r} needs {need!r}, which is no job",
                    f"jobs: {', '.join(known)}",
                )
    sorter = TopologicalSorter({job.id: job.needs for job in workflow.jobs})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = tuple(reversed(error.args[1]))
        message = f"jobs need each other in a circle: {' needs '.join(cycle)}"
        raise YamlError(Place(file, known[cycle[0]].line), message) from error
    stages = []
    while sorter.is_active():
        ready = set(sorter.get_ready())
        stages.append(tuple(job for job in workflow.jobs if job.id in ready))
        sorter.done(*ready)
    return tuple(stages)


def with_needs(workflow: Workflow, job_ids: Iterable[str]) -> frozenset[str]:
    """Return jobs and all that they need, directly or not."""
    waiting, found = list(job_ids), set[str]()
    while waiting:
        job_id = waiting.pop()
        if job_id not in found:
            found.add(job_id)
            waiting += workflow.job(job_id).needs
    return frozenset(found)
