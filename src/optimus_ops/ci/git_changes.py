"""What changed since a base: from git, renames with both names, and what is not committed yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.system.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GIT_SECONDS = 60.0
MOST_COMMITS = 200
UNTRACKED = "? "
"""What `git ls-files -t` puts before the name of a file that is not in the index."""


class NoCommonHistory(Refused):
    """HEAD and what it is to be compared with have no commit in common, or only one of them is here."""


@dataclass(frozen=True)
class Changes:
    """The changes between a base and the working tree.

    Args:
        base: the commit where the histories part.
        names: changed paths, both names of a renamed file.
        files: all files of the checkout.
    """

    base: str
    names: tuple[str, ...]
    files: frozenset[str]


def changes_since(root: Path, reference: str) -> Changes:
    """Return what changed since the merge base with a reference.

    Raises:
        NoCommonHistory: the reference is unknown, or has no history in common with HEAD.
    """
    base = merge_base(root, reference)
    diff = _git(root, "diff", "--name-status", "-z", "--find-renames", base) or ""
    listed = (_git(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard") or "").split("\0")
    others = {line[2:] for line in listed if line.startswith(UNTRACKED)}
    files = frozenset(name for name in {line[2:] for line in listed} if (root / name).is_file())
    return Changes(base, tuple(sorted({*names_of(diff), *others})), files)


def merge_base(root: Path, reference: str) -> str:
    """Return the commit where the histories of HEAD and of a reference part.

    Raises:
        NoCommonHistory: the reference is unknown, or has no history in common with HEAD.
    """
    found = _git(root, "merge-base", "HEAD", reference, check=False)
    if found is None:
        raise NoCommonHistory(
            f"no common history with {reference!r}", "fetch it first (actions/checkout: fetch-depth: 0), or --base REF"
        )
    return found.strip()


def commits_before(root: Path, commit: str, most: int = MOST_COMMITS) -> list[str]:
    """Return a commit and those before it, the nearest first."""
    return (_git(root, "rev-list", f"--max-count={most}", commit) or "").split()


def changed_below(root: Path, base: str, folder: str) -> list[str]:
    """Return the files of a folder that differ from the base's."""
    return [name for name in (_git(root, "diff", "--name-only", "-z", base, "--", folder) or "").split("\0") if name]


def changes_of_lines(root: Path, base: str, pattern: str) -> str:
    """Return the differences to the base's files of a pattern, without lines around them."""
    # What a user has configured for people to read is not for programs.
    plain = ("-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")
    return _git(root, *plain, "--unified=0", "--find-renames", base, "--", pattern) or ""


def file_at(root: Path, commit: str, name: str) -> str | None:
    """Return a file's text as it was at a commit; None where there was none."""
    return _git(root, "show", f"{commit}:{name}", check=False)


def names_of(diff: str) -> Iterator[str]:
    """Give the paths of `git diff --name-status -z`: one for each status, two for a rename or a copy."""
    words = iter(diff.split("\0"))
    for status in words:
        if status:
            yield next(words)
            if status[0] in "RC":
                yield next(words)


def _git(root: Path, *words: str, check: bool = True) -> str | None:
    # A checkout may belong to somebody else (a mounted one).
    done = run(["git", "-C", str(root), "-c", "safe.directory=*", *words], deadline=GIT_SECONDS, check=check)
    return done.stdout if done.code == 0 else None
