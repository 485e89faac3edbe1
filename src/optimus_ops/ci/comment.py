"""One comment of a pull request that is kept up to date, found again by a marker.

Source: https://docs.github.com/rest/issues/comments. Where the token may not write, as on a pull request from a fork,
the text goes to the step's summary instead.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.errors import OpsError, Refused

MOST_CHARACTERS = 65_536
"""What GitHub takes of a comment."""
PAGE = 100
MOST_PAGES = 30
SECONDS = 30.0
NO_RIGHT = frozenset({401, 403, 404})
CUT = "\n\n(cut: the whole text is in the run's artifacts)\n"


@dataclass(frozen=True)
class PullRequest:
    """Where a comment goes: address of the server, `owner/repository`, number."""

    server: str
    repository: str
    number: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> PullRequest:
        """Return the pull request of the event that a workflow runs for.

        Raises:
            Refused: the event has none, or this is no workflow.
        """
        path, repository = environ.get("GITHUB_EVENT_PATH", ""), environ.get("GITHUB_REPOSITORY", "")
        try:
            event = json.loads(Path(path).read_text("utf-8")) if path else {}
        except (OSError, ValueError) as error:
            raise Refused(f"the event can't be read: {error}") from error
        found = event.get("pull_request") if isinstance(event, dict) else None
        if not repository or not isinstance(found, dict) or not isinstance(found.get("number"), int):
            raise Refused("there is no pull request to comment on", "a workflow runs it on the event pull_request")
        return cls(environ.get("GITHUB_API_URL", "https://api.github.com"), repository, found["number"])


def comment_text(marker: str, text: str) -> str:
    """Return the comment's text: an invisible line with its marker, then the text as far as GitHub takes it."""
    first = f"<!-- {marker} -->\n"
    room = MOST_CHARACTERS - len(first)
    return first + (text if len(text) <= room else text[: room - len(CUT)] + CUT)


def put_comment(pull: PullRequest, token: str, marker: str, text: str) -> str:
    """Write the comment with a marker, or change the one that is there; return its address.

    Raises:
        PermissionError: the token may not write.
        OpsError: GitHub does not answer, or refuses.
    """
    issue = f"{pull.server}/repos/{pull.repository}/issues"
    body = {"body": comment_text(marker, text)}
    for found in _comments(f"{issue}/{pull.number}/comments", token):
        if str(found.get("body", "")).startswith(f"<!-- {marker} -->"):
            return str(_call("PATCH", f"{issue}/comments/{found['id']}", token, body)["html_url"])
    return str(_call("POST", f"{issue}/{pull.number}/comments", token, body)["html_url"])


def comment(file: str, marker: str) -> str:
    """Put the text of a file, or of a folder's Markdown files, into the comment of the pull request, or into the step's summary; return what was done.

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
    token, summary = os.environ.get("GITHUB_TOKEN", ""), os.environ.get("GITHUB_STEP_SUMMARY", "")
    try:
        if not token:
            raise PermissionError("there is no GITHUB_TOKEN")
        return f"commented: {put_comment(pull, token, marker, text)}"
    except PermissionError as error:
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


def _comments(url: str, token: str) -> Iterator[Mapping[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        found = _call("GET", f"{url}?per_page={PAGE}&page={page}", token)
        yield from found
        if len(found) < PAGE:
            return


def _call(method: str, url: str, token: str, body: Mapping[str, str] | None = None) -> Any:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise Refused(f"{url}: GitHub's API is asked through https only")
    request = urllib.request.Request(url, method=method)  # noqa: S310 - the scheme is checked
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("X-GitHub-Api-Version", "2022-11-28")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(request, data, timeout=SECONDS) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code in NO_RIGHT:
            raise PermissionError(f"{error.code} {error.reason}") from error
        raise OpsError(f"GitHub answers {error.code} {error.reason} to {method} {url}") from error
    except (OSError, ValueError) as error:
        raise OpsError(f"GitHub does not answer: {error}") from error
