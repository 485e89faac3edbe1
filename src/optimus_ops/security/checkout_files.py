"""The files of a checkout that are, or may become, part of its history; what git ignores is no part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project
from optimus_ops.system.process import run

GIT_SECONDS = 60.0


@dataclass(frozen=True)
class CheckoutFiles:
    """The files of a checkout.

    Args:
        names: paths from the root of files that git knows, or would add.
        ignored: paths from the root that git ignores; a folder ends with "/".
        shallow: whether the clone lacks a part of the history.
        has_commits: whether there is a history at all.
    """

    project: Project
    names: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    shallow: bool = False
    has_commits: bool = True

    @property
    def root(self) -> Path:
        """The checkout's folder."""
        return self.project.root

    def matching(self, wanted: Callable[[PurePosixPath], bool]) -> tuple[str, ...]:
        """Return the names that a predicate wants."""
        return tuple(name for name in self.names if wanted(PurePosixPath(name)))


def read_checkout(project: Project) -> CheckoutFiles:
    """Ask git for the files of a checkout.

    Raises:
        Refused: the project's folder is no checkout of git.
        MissingPrerequisite: there is no git.
    """
    root = project.root
    top = _git(root, "rev-parse", "--is-inside-work-tree")
    if top is None or top.strip() != "true":
        raise Refused(f"{root} is no checkout of git", "security.scan scans what git knows: git init, or git clone")
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    ignored = _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory") or ""
    names = sorted({name for name in listed.split("\0") if name and (root / name).is_file()})
    return CheckoutFiles(
        project,
        tuple(names),
        tuple(filter(None, ignored.split("\0"))),
        shallow=(_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true",
        has_commits=_git(root, "rev-list", "--max-count=1", "--all") not in {None, ""},
    )


def _git(root: Path, *words: str) -> str | None:
    # A checkout that belongs to somebody else (a mounted one) is scanned all the same.
    command = ["git", "-C", str(root), "-c", f"safe.directory={root}", *words]
    done = run(command, deadline=GIT_SECONDS, check=False)
    return done.stdout if done.code == 0 else None
