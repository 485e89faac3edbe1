"""`invoke release.*`: releases of a Python distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions

JSON_HELP = {"json": "print one JSON document on standard output"}
REPORT_HELP = {"report": "folder for a report: Markdown, a page, JSON", **JSON_HELP}


@task(help={"tag": "the tag that is being released, as v1.2.0 (none: what is not tagged yet)", **REPORT_HELP})
def check(_: Context, tag: str = "", report: str = "", json: bool = False) -> None:
    """Check that version, tag, changelog, locks and checkout fit together."""
    from optimus_ops.release.execute import check

    check(tag, report=report, json=json)


@change_task(
    help={
        "release": "the version, as 1.2.0 or 1.2.0rc1 (also positional)",
        "bump": "in its place: the part of the version that is counted up (major, minor, patch)",
    },
)
def prepare(_: Context, options: ChangeOptions, release: str = "", bump: str = "") -> None:
    """Set the version and date its section of the changelog; nothing is committed or tagged."""
    from optimus_ops.release.prepare import prepare

    prepare(release, bump, options)


@task(help={"to": "folder for wheel and sdist (dist)", **REPORT_HELP})
def build(_: Context, to: str = "dist", report: str = "", json: bool = False) -> None:
    """Build wheel and sdist from a clean clone, reproducibly, and check what is in them."""
    from optimus_ops.release.execute import build

    build(to, report=report, json=json)


@task(name="try", help={"from": "folder with wheel and sdist (dist)", **REPORT_HELP})
def try_(_: Context, from_: str = "dist", report: str = "", json: bool = False) -> None:
    """Install wheel and sdist in empty environments, and run the project's trial commands."""
    from optimus_ops.release.execute import try_distributions

    try_distributions(from_, report=report, json=json)


@task(help={"tag": "a tag, as v1.2.0 (the version of pyproject.toml)", **JSON_HELP})
def notes(_: Context, tag: str = "", json: bool = False) -> None:
    """Print the changelog's section of a version: the text of its release."""
    from optimus_ops.release.execute import notes

    notes(tag, json=json)


@change_task(
    positional=("folder",),
    help={
        "folder": "the folder that the stack runs from",
        "commit": "the commit: a hash, a tag, a branch (the one that is checked out here)",
        "secrets": "variable with lines NAME=VALUE for .env.secrets; other names keep their values",
    },
)
def checkout(_: Context, folder: str, options: ChangeOptions, commit: str = "", secrets: str = "") -> None:
    """Check a commit out in the folder that a stack runs from, with the operator's secrets."""
    from optimus_ops.release.stack_checkout import check_out

    check_out(folder, commit, secrets, options)


@change_task(help={"from": "folder with wheel and sdist (dist)"})
def publish(_: Context, options: ChangeOptions, from_: str = "dist") -> None:
    """Publish the GitHub release of the version, with its notes, wheel and sdist."""
    from optimus_ops.release.github_release import publish

    publish(from_, options)


@change_task(name="tag-actions")
def tag_actions(_: Context, options: ChangeOptions) -> None:
    """Point the major tag (v1) at the version's release, for those who use the repository's actions."""
    from optimus_ops.release.action_tags import tag_actions

    tag_actions(options)
