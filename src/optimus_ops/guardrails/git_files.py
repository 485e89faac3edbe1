"""Files of a git checkout, and the differences of its work tree to a commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.guardrails.python_source import MOST_BYTES
from optimus_ops.guardrails.sources import Snapshot, SourceFile, blob_key
from optimus_ops.guardrails.yaml_files import SUFFIXES as YAML
from optimus_ops.system.output_masking import masked
from optimus_ops.system.process import CommandFailed, run, stream

GIT_SECONDS = 60.0
NO_CHECKOUT = "guardrails judge what git knows: git init, git add"
# A checkout may belong to somebody else (a mounted one), and must start no program of its own.
TRUSTED = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
JUDGED = (".py", *YAML)
"""What files that rules may judge end with: the contents of others don't matter."""
UNKNOWN, GONE = "?", "R"
CHANGED = frozenset({"C", GONE, UNKNOWN})
"""How `git ls-files -t` tells files that changed, that are gone, and that it doesn't know."""
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
    files: dict[str, SourceFile] = {}
    others: set[str] = set()
    changed: dict[str, str] = {}
    inside = cache(_leads_nowhere_else)
    for state, blob, path in _listed(root):
        if state in CHANGED:
            # A file that is gone is listed as one that changed as well.
            changed[path] = state if changed.get(path) != GONE else GONE
        elif blob:
            files[path] = SourceFile(blob, _reader(root, path, inside))
        else:
            others.add(path)
    for path, state in changed.items():
        # What git knows as a file may be a link by now, which is not followed.
        if state == GONE or not _is_file(root, path, inside):
            files.pop(path, None)
        else:
            read = _reader(root, path, inside)
            files[path] = SourceFile(blob_key(read()) if path.endswith(JUDGED) else path, read)
    return Snapshot(files, frozenset(others), tuple(path for path, state in changed.items() if state == UNKNOWN))


def _listed(root: Path) -> Iterator[tuple[str, str, str]]:
    """Give state, blob and path of all that is in the work tree or that git knows; "" for the blob of what is no file.

    What changed since it was added to the index is given twice.
    """
    words = ("--stage", "--cached", "--modified", "--deleted", "--others", "--exclude-standard")
    for record in git_records(root, "ls-files", "-z", "-t", *words):
        state, rest = record[:1], record[2:]
        if state == UNKNOWN:
            yield state, "", rest
        else:
            facts, _, path = rest.partition("\t")
            mode, blob, _ = facts.split()
            yield state, blob if mode.startswith(REGULAR) else "", path


def diff_to_work_tree(root: Path, commit: str) -> bytes:
    """Return the diff from a commit to the work tree.

    Raises:
        Refused: git can't read a file, such as a pipe in the place of one.
    """
    return git_bytes(root, *PLAIN, commit, "--")


def diff_of_commits(root: Path, base: str, head: str) -> bytes:
    """Return the diff from a commit to another one."""
    return git_bytes(root, *PLAIN, base, head, "--")


def blob(root: Path, name: str) -> bytes | None:
    """Return a content by its id, or by COMMIT:PATH; None where git doesn't have it."""
    found = run(["git", "-C", str(root), *TRUSTED, "cat-file", "-t", name], deadline=GIT_SECONDS, check=False)
    return git_bytes(root, "cat-file", "blob", name) if found.stdout.strip() == "blob" else None


def _reader(root: Path, path: str, inside: Callable[[str], bool]) -> Callable[[], bytes]:
    name = f"{root}/{path}"

    def read() -> bytes:
        if not inside(os.path.dirname(name)):  # noqa: PTH120 - of each file
            raise Refused(f"{path} leads elsewhere by a link, which is not followed")
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream_of_file:
            return stream_of_file.read()

    return read


def _is_file(root: Path, path: str, inside: Callable[[str], bool]) -> bool:
    found = root / path
    return found.is_file() and not found.is_symlink() and inside(str(found.parent))


def _leads_nowhere_else(folder: str) -> bool:
    """Tell whether neither a folder of a checkout nor one on the way to it is a link."""
    return os.path.realpath(folder) == folder


def git_text(root: Path, *words: str) -> str:
    """Return what git writes.

    Raises:
        CommandFailed: it ended with another exit code than 0.
    """
    return run(["git", "-C", str(root), *TRUSTED, *words], deadline=GIT_SECONDS).stdout


def git_records(root: Path, *words: str) -> list[str]:
    """Return what git lists with `-z`: names as they are, with bytes that are no UTF-8 as `os.fsdecode` keeps them.

    Raises:
        Refused: the folder is no git checkout, or one that git can't read; in git's words.
    """
    try:
        listed = git_bytes(root, *words)
    except Refused as error:
        raise Refused(f"{root} is no git checkout: {error.message}", NO_CHECKOUT) from None
    return [record for record in listed.decode("utf-8", "surrogateescape").split("\0") if record]


def git_bytes(root: Path, *words: str) -> bytes:
    """Return what git writes, as it is.

    Raises:
        Refused: it ended with another exit code than 0; in git's words.
    """
    taken = bytearray()
    argv = ["git", "-C", str(root), *TRUSTED, *words]
    if code := stream(argv, taken.extend, idle_seconds=GIT_SECONDS):
        # What streams is read without what it says beside.
        told = run(argv, deadline=GIT_SECONDS, check=False).stderr.split("\n")
        raise Refused(masked("; ".join(filter(None, told))) or f"`git {' '.join(words)}` ended with {code}")
    return bytes(taken)


def folder_in_repository(root: Path) -> str:
    """Return the path of a folder from the root of its repository, with a slash behind it; "" for the root itself."""
    try:
        return git_text(root, "rev-parse", "--show-prefix").removesuffix("\n")
    except CommandFailed:
        raise Refused(f"{root} is no git checkout", NO_CHECKOUT) from None
