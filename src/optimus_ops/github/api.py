"""Calls of GitHub's REST API (https://docs.github.com/rest), with the token that a workflow hands to a step."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.errors import OpsError, Refused

PAGE = 100
MOST_PAGES = 30
SECONDS = 30.0
UPLOAD_SECONDS = 300.0
NO_RIGHT = frozenset({401, 403, 404})


@dataclass(frozen=True)
class Repository:
    """A repository: address of the API's server, `owner/repository`, token ("" reads what is public)."""

    server: str
    name: str
    token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Repository:
        """Return the repository that a workflow runs for.

        Raises:
            Refused: this is no workflow.
        """
        name = environ.get("GITHUB_REPOSITORY", "")
        if not name:
            raise Refused("which repository?", "a workflow names it in GITHUB_REPOSITORY, as owner/repository")
        return cls(environ.get("GITHUB_API_URL") or "https://api.github.com", name, environ.get("GITHUB_TOKEN", ""))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call a path below the repository; return the answer.

        Raises:
            PermissionError: there is no such thing, or the token has no right to it.
            OpsError: GitHub does not answer, or refuses.
        """
        data = json.dumps(body).encode() if body is not None else None
        return call(method, f"{self.server}/repos/{self.name}{path}", self.token, data)

    def find(self, path: str) -> Any | None:
        """Return what is at a path; None if there is nothing.

        Raises:
            PermissionError: the token has no right to it.
            OpsError: GitHub does not answer, or refuses.
        """
        try:
            return self.call("GET", path)
        except NotFound:
            return None

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Give all items of a list."""
        for page in range(1, MOST_PAGES + 1):
            found = self.call("GET", f"{path}?per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return


class NotFound(PermissionError):  # noqa: N818 - the answer's own word
    """There is no such thing, or the token may not know of it."""


def call(method: str, url: str, token: str, data: bytes | None = None, kind: str = "application/json") -> Any:
    """Call an address with a body of a media type; errors as `Repository.call`."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise Refused(f"{url}: GitHub's API is asked through https only")
    request = urllib.request.Request(url, method=method)  # noqa: S310 - the scheme is checked
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("X-GitHub-Api-Version", "2022-11-28")
    request.add_header("Content-Type", kind)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    seconds = SECONDS if kind == "application/json" else UPLOAD_SECONDS
    try:
        with urllib.request.urlopen(request, data, timeout=seconds) as answer:  # noqa: S310 - as above
            text = answer.read()
        return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        if error.code in NO_RIGHT:
            refusal = NotFound if error.code == 404 else PermissionError
            raise refusal(f"{error.code} {error.reason}") from error
        raise OpsError(f"GitHub answers {error.code} {error.reason} to {method} {url}") from error
    except (OSError, ValueError) as error:
        raise OpsError(f"GitHub does not answer: {error}") from error
