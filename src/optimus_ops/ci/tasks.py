"""`invoke ci.affected`, `ci.comment`, `ci.list`, `ci.run`, `ci.task`, `ci.tests`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context


@task(name="list", help={"json": "print one JSON document on standard output"})
def list_(_: Context, json: bool = False) -> None:
    """List the workflows: events and jobs."""
    from optimus_ops.ci.listing import list_workflows

    list_workflows(json=json)


@task(
    positional=("workflow",),
    iterable=("matrix", "secret", "replace"),
    help={
        "workflow": "name of the file in .github/workflows, without its suffix",
        "job": "run this job and those that it needs",
        "event": "name of an event, or a .json file with its payload (the usual event of the workflow)",
        "matrix": "name=value: run these combinations only (repeatable)",
        "secret": "name of an environment variable that the workflow gets as a secret (repeatable)",
        "replace": "owner/repository=folder: the folder stands for that repository's actions (repeatable)",
        "plan": "print jobs, combinations, services and actions, and run nothing",
        "json": "print one JSON document on standard output",
    },
)
def run(
    _: Context,
    workflow: str,
    job: str = "",
    event: str = "",
    matrix: Sequence[str] | None = None,
    secret: Sequence[str] | None = None,
    replace: Sequence[str] | None = None,
    plan: bool = False,
    json: bool = False,
) -> None:
    """Run a workflow file on this machine, in a clean clone."""
    from optimus_ops.ci.execute import run_workflow
    from optimus_ops.ci.run_request import RunRequest

    several = [tuple(texts or ()) for texts in (matrix, secret, replace)]
    run_workflow(RunRequest(workflow, job, event, several[0], several[1], several[2], plan, json))


@task(
    name="task",
    positional=("words",),
    help={
        "words": "the task and its flags, as one text",
        "report": "folder of the task's report: Markdown becomes the step summary, findings become annotations",
        "output": "file for the task's standard output",
        "project": "folder of the project that the task is of (this one)",
    },
)
def run_one(_: Context, words: str, report: str = "", output: str = "", project: str = "") -> None:
    """Run one task as a step of a workflow, with summary and annotations."""
    from optimus_ops.ci.task_step import run_task

    run_task(words, report=report, output=output, project=project)


@task(
    help={
        "base": "what the change is compared with (the pull request's base, else main)",
        "json": "print one JSON document on standard output",
    }
)
def affected(_: Context, base: str = "", json: bool = False) -> None:
    """Show which sessions, tests and images a change needs."""
    from optimus_ops.ci.affected_task import show_affected

    show_affected(base, json=json)


@task(
    positional=("file",),
    help={
        "file": "file with the text, in Markdown, or folder with several",
        "marker": "name by which the comment is found again (optimus)",
        "resolved": "what it told is resolved: say so where there is a comment, and write none where there isn't",
    },
)
def comment(_: Context, file: str, marker: str = "optimus", resolved: bool = False) -> None:
    """Keep one comment of the pull request up to date; where the token may not write, use the step's summary."""
    from optimus_ops.ci.comment import comment

    print(comment(file, marker, resolved=resolved))


@task(
    name="tests",
    iterable=("session",),
    help={
        "results": "folder with the results of sessions (build/reports)",
        "session": "report this session (repeatable; default: each that has results)",
        "base": "what coverage and benchmarks are compared with (the pull request's base, else main)",
        "report": "folder for the report as Markdown, page and JSON",
        "json": "print one JSON document on standard output",
    },
)
def show_tests(
    _: Context,
    results: str = "build/reports",
    session: Sequence[str] | None = None,
    base: str = "",
    report: str = "",
    json: bool = False,
) -> None:
    """Report results of test sessions and their coverage; fail where tests failed or a limit is broken."""
    from optimus_ops.ci.testing.execute import ReportRequest, report_tests

    report_tests(ReportRequest(results, tuple(session or ()), base, report, json))
