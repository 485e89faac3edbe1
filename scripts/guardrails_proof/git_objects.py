"""Contents of git's objects, read through one process, and trees of commits."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from optimus_ops.guardrails.git_files import REGULAR, TRUSTED, git_records
from optimus_ops.guardrails.sources import Snapshot, SourceFile


class GitObjects:
    """The objects of a repository."""

    def __init__(self, root: Path, asked: IO[bytes], answered: IO[bytes]) -> None:
        """Keep where to ask, and where answers come from."""
        self._root = root
        self._asked = asked
        self._answered = answered

    def read(self, name: str) -> bytes:
        """Return a content by its id.

        Raises:
            LookupError: the repository doesn't have it.
        """
        self._asked.write(f"{name}\n".encode())
        self._asked.flush()
        kind, *size = self._answered.readline().split()[1:]
        if kind != b"blob":
            raise LookupError(f"{name}: {kind.decode()}")
        data = self._answered.read(int(size[0]))
        self._answered.read(1)
        return data

    def known(self, name: str) -> bytes | None:
        """Return a content by its id; None where the repository doesn't have it."""
        try:
            return self.read(name)
        except LookupError:
            return None

    def snapshot(self, commit: str) -> Snapshot:
        """Return the regular files of a commit."""
        files: dict[str, SourceFile] = {}
        others: set[str] = set()
        for line in git_records(self._root, "ls-tree", "-r", "-z", commit):
            facts, _, path = line.partition("\t")
            if facts.startswith(REGULAR):
                key = facts.split()[2]
                files[path] = SourceFile(key, partial(self.read, key))
            else:
                others.add(path)
        return Snapshot(files, frozenset(others))


@contextmanager
def git_objects(root: Path) -> Iterator[GitObjects]:
    """Open the objects of a repository."""
    argv = ["git", "-C", str(root), *TRUSTED, "cat-file", "--batch"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        yield GitObjects(root, process.stdin, process.stdout)
