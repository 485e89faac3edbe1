"""One comment of a pull request that is kept up to date, found again by a marker.

Source: https://docs.github.com/rest/issues/comments. Where the token may not write, as on a pull request from a fork,
the text goes to the step's summary instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.github.api import Repository

MOST_CHARACTERS = 65_536
"""What GitHub takes of a comment."""
RESOLVED = "**Resolved:** what this comment told before is mended."
CUT = "\n\n(cut: the whole text is in the run's artifacts)\n"


@dataclass(frozen=True)
class PullRequest:
    """Where a comment goes: a repository, and the pull request's number."""

    repository: Repository
    number: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> PullRequest:
        """Return the pull request of the event that a workflow runs for.

        Raises:
            Refused: the event has none, or this is no workflow.
        """
        path = environ.get("GITHUB_EVENT_PATH", "")
        try:
            event = json.loads(Path(path).read_text("utf-8")) if path else {}
        except (OSError, ValueError) as error:
            raise Refused(f"the event can't be read: {error}") from error
        found = event.get("pull_request") if isinstance(event, dict) else None
        if not isinstance(found, dict) or not isinstance(found.get("number"), int):
            raise Refused("there is no pull request to comment on", "a workflow runs it on the event pull_request")
        return cls(Repository.from_environment(environ), found["number"])


def comment_text(marker: str, text: str) -> str:
    """Return the comment's text: an invisible line with its marker, then the text as far as GitHub takes it."""
    first = f"<!-- {marker} -->\n"
    room = MOST_CHARACTERS - len(first)
    return first + (text if len(text) <= room else text[: room - len(CUT)] + CUT)


def put_comment(pull: PullRequest, marker: str, text: str, *, only_change: bool = False) -> str:
    """Write the comment with a marker, or change the one that is there; return its address.

    With `only_change`, none is written where there is none: "" then.

    Raises:
        PermissionError: the token may not write.
        OpsError: GitHub does not answer, or refuses.
    """
    comments, body = f"/issues/{pull.number}/comments", {"body": comment_text(marker, text)}
    for found in pull.repository.pages(comments):
        if str(found.get("body", "")).startswith(f"<!-- {marker} -->"):
            return str(pull.repository.call("PATCH", f"/issues/comments/{found['id']}", body)["html_url"])
    return "" if only_change else str(pull.repository.call("POST", comments, body)["html_url"])


def comment(file: str, marker: str, *, resolved: bool = False) -> str:
    """Put the text of a file, or of a folder's Markdown files, into the comment or the step's summary; tell which.

    What is resolved is said so where there is a comment; none is written for it.

    Raises:
        Refused: the file can't be read, or there is neither a pull request nor a summary.
        OpsError: GitHub does not answer.
    """
    try:
        text = _read(Path(file))
    except (OSError, UnicodeError) as error:
        raise Refused(f"{file} can't be read: {error}") from error
    if not marker or "--" in marker or not marker.isprintable():
        raise Refused(f"bad marker {marker!r}", "a name such as deploy-plan, without two dashes in a row")
    pull = PullRequest.from_environment(os.environ)
    summary = os.environ.get("GITHUB_STEP_SUMMARY", "")
    try:
        if not pull.repository.token:
            raise PermissionError("there is no GITHUB_TOKEN")
        if resolved:
            found = put_comment(pull, marker, f"{RESOLVED}\n\n{text}", only_change=True)
            return f"commented: {found}" if found else "there is no comment, and nothing to say in one"
        return f"commented: {put_comment(pull, marker, text)}"
    except PermissionError as error:
        if resolved:
            return f"the token may not comment ({error}), and nothing is left to be said"
        if not summary:
            raise OpsError(f"the token may not comment: {error}", "permissions: pull-requests: write") from error
        with Path(summary).open("a", encoding="utf-8") as target:
            target.write(f"{text}\n")
        return "the token may not comment, as on a pull request from a fork: the text is in the step's summary"


def _read(path: Path) -> str:
    """Return the text of a file, or of all Markdown files of a folder."""
    if not path.is_dir():
        return path.read_text("utf-8")
    files = sorted(path.glob("*.md"))
    if not files:
        raise Refused(f"{path} has no Markdown files")
    return "\n".join(found.read_text("utf-8") for found in files)
