"""`invoke ci.list`: the workflow files of the checkout."""

from __future__ import annotations

import sys

from optimus_ops.ci.workflow_file import read_workflow, workflow_paths
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import print_json


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
