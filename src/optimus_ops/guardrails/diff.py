"""Unified diffs of git, as values (https://git-scm.com/docs/diff-format).

A diff is bytes: files are of any encoding, and only their names have to be UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from optimus_ops.guardrails.diff_errors import BadDiff
from optimus_ops.guardrails.diff_paths import header_paths, path_of, without_prefix

HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
GIT = b"diff --git "
COMBINED = (b"diff --cc ", b"diff --combined ")
NO_NEWLINE = b"\\"
MODES = {
    b"old mode ": "old_mode",
    b"new mode ": "new_mode",
    b"deleted file mode ": "old_mode",
    b"new file mode ": "new_mode",
}
NAMES = {b"rename from ": "old", b"rename to ": "new", b"copy from ": "old", b"copy to ": "new"}
BINARY = (b"Binary files ", b"GIT binary patch")
SIMILARITY = (b"similarity index ", b"dissimilarity index ")
INDEX = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)(?: (\d+))?")
SUBMODULE = 0o160000
SYMLINK = 0o120000
MISCOUNTED = "the numbers in the hunk's header don't fit its lines"
AS_WRITTEN = "pass the diff on as git wrote it"
PLAINLY = "git diff --no-color --no-ext-diff main...HEAD | invoke guardrails.validate-diff"
MOST_DIFF_BYTES = 100_000_000


@dataclass(frozen=True)
class Hunk:
    """A part of a file that changed; its lines begin with a blank, `-` or `+`, and keep their line ends."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[bytes, ...]

    @property
    def added(self) -> Iterator[int]:
        """Numbers of the added lines in the new file."""
        number = self.new_start
        for line in self.lines:
            if line.startswith(b"+"):
                yield number
            number += not line.startswith(b"-")


@dataclass(frozen=True)
class FileDiff:
    """The change of one file; `old` is None for a new file, `new` for a deleted one.

    Args:
        old_mode, new_mode: as git has them; 0 where the diff doesn't say.
        old_blob, new_blob: ids of the contents, maybe abbreviated; "" where the diff doesn't say.
        binary: whether its lines are unknown.
        copied: whether the old file is still there, and the new one a changed copy of it.
        combined: whether it is a merge's, whose lines are of several parents.
    """

    old: str | None
    new: str | None
    old_mode: int = 0
    new_mode: int = 0
    old_blob: str = ""
    new_blob: str = ""
    binary: bool = False
    copied: bool = False
    combined: bool = False
    hunks: tuple[Hunk, ...] = ()

    @property
    def path(self) -> str:
        """The name after the change, of a deleted file the one before it."""
        return self.new or self.old or ""

    @property
    def is_file(self) -> bool:
        """Whether it is neither a submodule nor a symbolic link."""
        return not {self.old_mode, self.new_mode} & {SUBMODULE, SYMLINK}

    @property
    def added(self) -> frozenset[int]:
        """Numbers of the added lines in the new file."""
        return frozenset(number for hunk in self.hunks for number in hunk.added)


def parse_diff(data: bytes) -> tuple[FileDiff, ...]:
    """Return the files of a diff; what stands before the first one, such as a commit's message, is passed over.

    Raises:
        BadDiff: it is cut off, contradicts itself, or names files outside of the repository.
    """
    if len(data) > MOST_DIFF_BYTES:
        raise BadDiff(
            1, f"more than {MOST_DIFF_BYTES // 10**6} MB", "judge a range: invoke guardrails.check --base REF"
        )
    lines = data.split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    files = tuple(_Parser(whole).files())
    if not files and data.strip():
        raise BadDiff(1, "no diff of git: no line begins with 'diff --git'", PLAINLY)
    _check_unique(files)
    return files


def _check_unique(files: Iterable[FileDiff]) -> None:
    seen: set[str] = set()
    for file in files:
        if file.new in seen and not file.combined:
            raise BadDiff(1, f"{file.new} is there twice", "give one diff, not several in a row")
        seen.update({file.new} if file.new else ())


class _Parser:
    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._at = 0

    def files(self) -> Iterator[FileDiff]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(GIT):
                yield self._file()
            elif line.startswith(COMBINED):
                yield self._combined()
            else:
                self._pass_over(line)

    def _pass_over(self, line: bytes) -> None:
        """Go on to the next line; refuse changes of a file that no header names, which would go unjudged."""
        self._at += 1
        if HUNK.match(line) or (line.startswith(b"--- ") and self._peek().startswith(b"+++ ")):
            raise BadDiff(self._at, "a change without a header 'diff --git'", PLAINLY)

    def _peek(self) -> bytes:
        return self._lines[self._at] if self._at < len(self._lines) else b""

    def _file(self) -> FileDiff:
        start = self._at
        names = self._lines[start][len(GIT) :].rstrip(b"\r\n")
        self._at += 1
        old, new = header_paths(names, start + 1)
        file, told = FileDiff(old, new), False
        while line := self._peek():
            changed = self._extended(file, line.rstrip(b"\r\n"))
            if changed is None:
                break
            told = told or (changed.old, changed.new) != (old, new)
            file = changed
            self._at += 1
        if file.old is None and file.new is None:
            raise BadDiff(start + 1, "a file without a name")
        if not told and old == new == "":
            raise BadDiff(start + 1, "the names of the file can't be told apart")
        return replace(file, hunks=tuple(self._hunks()))

    def _extended(self, file: FileDiff, line: bytes) -> FileDiff | None:
        """Return the file with what a line of its header says; None where its header ends."""
        number = self._at + 1
        for word, field in MODES.items():
            if line.startswith(word):
                gone = {"deleted file": {"new": None}, "new file": {"old": None}}.get(word[:-6].decode(), {})
                return replace(file, **{field: _mode(line[len(word) :], number)}, **gone)  # type: ignore[arg-type]
        for word, side in NAMES.items():
            if line.startswith(word):
                copied = file.copied or word.startswith(b"copy")
                return replace(file, copied=copied, **{side: path_of(line[len(word) :], number)})  # type: ignore[arg-type]
        for word, side in ((b"--- ", "old"), (b"+++ ", "new")):
            if line.startswith(word):
                return self._named(file, side, line[len(word) :], number)
        if found := INDEX.fullmatch(line):
            mode = int(found[3], 8) if found[3] else 0
            old_mode, new_mode = (file.old_mode or mode, file.new_mode or mode)
            blobs = (found[1].decode(), found[2].decode())
            return replace(file, old_blob=blobs[0], new_blob=blobs[1], old_mode=old_mode, new_mode=new_mode)
        if line.startswith(BINARY):
            return replace(file, binary=True)
        goes_on = line.startswith(SIMILARITY) or (file.binary and not line.startswith((GIT, *COMBINED)))
        return file if goes_on else None

    @staticmethod
    def _named(file: FileDiff, side: str, name: bytes, number: int) -> FileDiff:
        # git ends a name that has a blank with a tab.
        name, stated = name.rstrip(b"\t"), getattr(file, side)
        path = path_of(name, number, prefix=True)
        if stated and path is not None:
            # What the header states is without a prefix, as this name may be.
            whole = path_of(name, number) or ""
            path = stated if stated in {whole, without_prefix(whole)} else path
        if path is not None and stated not in {None, "", path}:
            raise BadDiff(number, f"two names for one file: {stated} and {path}")
        return replace(file, **{side: path})  # type: ignore[arg-type]  # names

    def _hunks(self) -> Iterator[Hunk]:
        while found := HUNK.match(self._peek()):
            start = self._at + 1
            old, new = (int(found[1]), int(found[3]))
            old_count, new_count = (int(count) if count is not None else 1 for count in (found[2], found[4]))
            self._at += 1
            yield Hunk(old, old_count, new, new_count, self._body(old_count, new_count, start))
            if (left := self._peek())[:1] in {b"+", b"-", b" "} and not left.startswith((b"-- ", b"--- ")):
                raise BadDiff(self._at + 1, f"{MISCOUNTED} (hunk of line {start})", AS_WRITTEN)

    def _body(self, old: int, new: int, start: int) -> tuple[bytes, ...]:
        body: list[bytes] = []
        while old or new or self._peek().startswith(NO_NEWLINE):
            line = self._peek()
            sign = line[:1]
            if sign == NO_NEWLINE and body:
                body[-1] = body[-1].removesuffix(b"\n")
            elif sign in {b" ", b"+", b"-"} and (old or sign == b"+") and (new or sign == b"-"):
                body.append(line)
                old, new = old - (sign != b"+"), new - (sign != b"-")
            elif line == b"\n" and old and new:
                # Mail programs strip the blank of an empty line.
                body.append(b" \n")
                old, new = old - 1, new - 1
            else:
                told = MISCOUNTED if line else "the diff ends"
                raise BadDiff(self._at + 1, f"{told} (hunk of line {start})", AS_WRITTEN)
            self._at += 1
        return tuple(body)

    def _combined(self) -> FileDiff:
        start = self._at
        word = next(word for word in COMBINED if self._lines[start].startswith(word))
        path = path_of(self._lines[start][len(word) :].rstrip(b"\r\n"), start + 1)
        self._at += 1
        while (line := self._peek()) and not line.startswith((GIT, *COMBINED)):
            self._at += 1
        return FileDiff(path, path, combined=True)


def _mode(text: bytes, number: int) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise BadDiff(number, f"no mode of a file: {text.decode('utf-8', 'replace')!r}") from None


def below(files: Iterable[FileDiff], folder: str) -> tuple[FileDiff, ...]:
    """Return the files of a folder (with a slash behind it), by their paths from it; "" is the root."""
    if not folder:
        return tuple(files)
    found = (replace(file, old=_inside(file.old, folder), new=_inside(file.new, folder)) for file in files)
    return tuple(file for file in found if file.path)


def _inside(path: str | None, folder: str) -> str | None:
    return path.removeprefix(folder) if path and path.startswith(folder) else None
