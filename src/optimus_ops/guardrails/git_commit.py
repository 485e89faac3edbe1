"""Files of a commit, without checking it out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.guardrails.git_files import JUDGED, REGULAR, blob, git_bytes, git_records, git_text
from optimus_ops.guardrails.sources import Snapshot, SourceFile
from optimus_ops.system.process import CommandFailed

if TYPE_CHECKING:
    import tarfile


@dataclass(frozen=True)
class Commit:
    """A commit of a repository, seen from a folder of it."""

    root: Path
    name: str

    @classmethod
    def of(cls, root: Path, reference: str) -> Commit:
        """Return the commit that a reference means.

        Raises:
            Refused: there is none.
        """
        try:
            return cls(
                root, git_text(root, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}").strip()
            )
        except CommandFailed:
            raise Refused(f"no commit {reference!r}", "fetch it first (actions/checkout: fetch-depth: 0)") from None

    def merge_base(self, reference: str) -> str:
        """Return the commit where the histories of this commit and of a reference part.

        Raises:
            Refused: the reference is unknown, or they have no history in common.
        """
        try:
            return git_text(self.root, "merge-base", self.name, Commit.of(self.root, reference).name).strip()
        except CommandFailed:
            raise Refused(f"no common history with {reference!r}", "fetch the whole history") from None

    def snapshot(self) -> Snapshot:
        """Return the regular files; their contents are read, all at once, when the first of them is wanted."""
        files: dict[str, SourceFile] = {}
        others: set[str] = set()
        for line in git_records(self.root, "ls-tree", "-r", "-z", self.name):
            facts, _, path = line.partition("\t")
            if facts.startswith(REGULAR):
                key = facts.split()[2]
                files[path] = SourceFile(key, partial(self._content, path, key))
            else:
                others.add(path)
        return Snapshot(files, frozenset(others))

    def text(self, path: str) -> str | None:
        """Return a file as text; None where there is none.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
        """
        data = blob(self.root, f"{self.name}:./{path}")
        return None if data is None else data.decode("utf-8-sig")

    def _content(self, path: str, key: str) -> bytes:
        found = self._archive.get(path)
        # An archive leaves files out that attributes say so of (export-ignore).
        return found if found is not None else blob(self.root, key) or b""

    @cached_property
    def _archive(self) -> Mapping[str, bytes]:
        import tarfile  # noqa: PLC0415 - for commits alone

        # Line ends stay as they are in the repository.
        words = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "archive", "--format=tar", self.name)
        with tarfile.open(fileobj=io.BytesIO(git_bytes(self.root, *words))) as archive:
            members = [member for member in archive if member.isfile() and member.name.endswith(JUDGED)]
            return {member.name: _read(archive, member) for member in members}


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return b"" if stream is None else stream.read()
