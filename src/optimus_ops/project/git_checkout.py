"""A git checkout: its commit, what is not committed, and clean clones of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError, Refused
from optimus_ops.system.process import CommandFailed, run

if TYPE_CHECKING:
    from pathlib import Path

CLONE_SECONDS = 300.0
GIT_SECONDS = 30.0


def clone(root: Path, target: Path) -> str:
    """Clone the checkout at its HEAD, with its history and its remote's address; return the commit.

    Raises:
        Refused: the folder is no git checkout with a commit.
        OpsError: it can't be cloned.
    """
    commit = head_commit(root)
    try:
        run(["git", "clone", "--quiet", "--no-tags", str(root), str(target)], deadline=CLONE_SECONDS)
        remote = run(["git", "-C", str(root), "remote", "get-url", "origin"], deadline=GIT_SECONDS, check=False)
        # Without a remote, `github.repository` is local/FOLDER: act would say that it is its own.
        url = remote.stdout.strip() if remote.code == 0 else f"https://github.com/local/{root.name}"
        run(["git", "-C", str(target), "remote", "set-url", "origin", url], deadline=GIT_SECONDS)
    except CommandFailed as error:
        raise OpsError(f"the checkout can't be cloned: {error.completed.stderr.strip()}") from error
    return commit


def head_commit(root: Path) -> str:
    """Return the commit that the checkout is at.

    Raises:
        Refused: there is none.
    """
    found = run(["git", "-C", str(root), "rev-parse", "--verify", "HEAD"], deadline=GIT_SECONDS, check=False)
    if found.code:
        raise Refused(f"{root} is no git checkout with a commit", "a run works on a clean clone: commit first")
    return found.stdout.strip()


def uncommitted(root: Path) -> int:
    """Return how many files differ from the last commit: they are not part of a run."""
    status = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=normal"]
    return len(run(status, deadline=GIT_SECONDS, check=False).stdout.splitlines())
