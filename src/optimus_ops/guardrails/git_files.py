"""Files of a git checkout, and the differences of its work tree to a commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.guardrails.python_source import MOST_BYTES
from optimus_ops.guardrails.sources import Snapshot, SourceFile, blob_key
from optimus_ops.guardrails.yaml_files import SUFFIXES as YAML
from optimus_ops.system.process import CommandFailed, run, stream

GIT_SECONDS = 60.0
# A checkout may belong to somebody else (a mounted one), and must start no program of its own.
TRUSTED = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
JUDGED = (".py", *YAML)
"""What files that rules may judge end with: the contents of others don't matter."""
REGULAR = "100"
"""How the modes of regular files begin; symbolic links and submodules have others."""
PLAIN = (
    *("-c", "core.quotePath=true", "-c", "diff.interHunkContext=0", "-c", "diff.renameLimit=0"),
    # The lines of larger files are not asked for: one of 50 MB would be in the diff twice.
    *("-c", f"core.bigFileThreshold={MOST_BYTES + 1}", "diff"),
    *("--no-color", "--no-ext-diff", "--no-textconv", "--relative", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--unified=0", "--find-renames", "--full-index", "--submodule=short", "--diff-algorithm=histogram"),
)
"""What a user has configured for people to read is not for programs."""


def work_tree(root: Path) -> Snapshot:
    """Return the regular files of the work tree, those included that git doesn't know yet and doesn't ignore.

    Raises:
        Refused: the folder is no git checkout.
    """
    indexed = tuple(_indexed(root))
    files = {path: SourceFile(blob, _reader(root, path)) for path, mode, blob in indexed if mode.startswith(REGULAR)}
    listed = _git(root, "ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard")
    states = [(line[:1], line[2:]) for line in listed.split("\0") if line]
    for state, path in states:
        if state not in "C?R":
            continue
        # What git knows as a file may be a link by now, which is not followed.
        if state == "R" or not _is_file(root, path):
            files.pop(path, None)
        else:
            read = _reader(root, path)
            files[path] = SourceFile(blob_key(read()) if path.endswith(JUDGED) else path, read)
    return Snapshot(files, frozenset(path for path, mode, _ in indexed if not mode.startswith(REGULAR)))


def _indexed(root: Path) -> Iterator[tuple[str, str, str]]:
    """Give path, mode and blob of what git knows."""
    for line in _git(root, "ls-files", "-z", "--stage").split("\0"):
        facts, _, path = line.partition("\t")
        if path:
            mode, blob, _ = facts.split()
            yield path, mode, blob


def diff_to_work_tree(root: Path, commit: str) -> bytes:
    """Return the diff from a commit to the work tree."""
    return git_bytes(root, *PLAIN, commit, "--")


def diff_of_commits(root: Path, base: str, head: str) -> bytes:
    """Return the diff from a commit to another one."""
    return git_bytes(root, *PLAIN, base, head, "--")


def untracked(root: Path) -> tuple[str, ...]:
    """Return the files that git doesn't know yet, and doesn't ignore."""
    return tuple(name for name in _git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0") if name)


def blob(root: Path, name: str) -> bytes | None:
    """Return a content by its id, or by COMMIT:PATH; None where git doesn't have it."""
    found = run(["git", "-C", str(root), *TRUSTED, "cat-file", "-t", name], deadline=GIT_SECONDS, check=False)
    return git_bytes(root, "cat-file", "blob", name) if found.stdout.strip() == "blob" else None


def _reader(root: Path, path: str) -> Callable[[], bytes]:
    def read() -> bytes:
        if not _leads_nowhere_else(root / path):
            raise Refused(f"{path} leads elsewhere by a link, which is not followed")
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream_of_file:
            return stream_of_file.read()

    return read


def _is_file(root: Path, path: str) -> bool:
    found = root / path
    return found.is_file() and not found.is_symlink() and _leads_nowhere_else(found)


def _leads_nowhere_else(path: Path) -> bool:
    """Tell whether no folder on the way to a file of a checkout is a link."""
    return os.path.realpath(path.parent) == str(path.parent)


def git_text(root: Path, *words: str) -> str:
    """Return what git writes.

    Raises:
        CommandFailed: it ended with another exit code than 0.
    """
    return run(["git", "-C", str(root), *TRUSTED, *words], deadline=GIT_SECONDS).stdout


def _git(root: Path, *words: str) -> str:
    try:
        return git_text(root, *words)
    except CommandFailed:
        raise Refused(f"{root} is no git checkout", "guardrails judge what git knows: git init, git add") from None


def git_bytes(root: Path, *words: str) -> bytes:
    """Return what git writes, as it is.

    Raises:
        OpsError: it ended with another exit code than 0.
    """
    taken = bytearray()
    argv = ["git", "-C", str(root), *TRUSTED, *words]
    if code := stream(argv, taken.extend, idle_seconds=GIT_SECONDS):
        raise OpsError(f"`git {' '.join(words)}` ended with {code}")
    return bytes(taken)


def folder_in_repository(root: Path) -> str:
    """Return the path of a folder from the root of its repository, with a slash behind it; "" for the root itself."""
    return _git(root, "rev-parse", "--show-prefix").removesuffix("\n")
