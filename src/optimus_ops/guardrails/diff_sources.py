"""What a diff changed, as contents: each is made of the other side, of git's objects, or is not at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from optimus_ops.guardrails.diff import FileDiff
from optimus_ops.guardrails.diff_apply import apply, unapply
from optimus_ops.guardrails.git_files import JUDGED
from optimus_ops.guardrails.sources import Change, Snapshot, SourceFile, blob_key

MISSING = "its content is not in this checkout, and the diff has only a part of it"
COMBINED = "a merge's combined diff doesn't say what it was: give git diff BASE...HEAD"
BINARY = "the diff says nothing about its content"


@dataclass
class _Collected:
    head: dict[str, SourceFile]
    base: dict[str, SourceFile] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    added: dict[str, frozenset[int]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)


def changed_sources(
    files: Iterable[FileDiff],
    tree: Snapshot,
    blob: Callable[[str], bytes | None],
    judges: Callable[[str], bool],
) -> tuple[Snapshot, Change]:
    """Return the files after a diff, and what it changed.

    Args:
        files: the diff.
        tree: a checkout, before or after the diff: what the diff doesn't name is as it is there.
        blob: returns a content by its id.
        judges: tells whether the content of a path matters.
    """
    every = tuple(files)
    gone = {file.old for file in every if file.old != file.new and not file.copied}
    made = _Collected({path: found for path, found in tree.files.items() if path not in gone})
    for file in every:
        if not _is_file(file, tree):
            # A submodule or a symbolic link: which files are there now is all that counts.
            made.deleted.update({file.old} if file.old else ())
            continue
        _collect(file, tree, blob, judges, made)
    change = Change(made.base, made.renamed, made.added, frozenset(made.deleted), made.unknown)
    return Snapshot(made.head), change


def _is_file(file: FileDiff, tree: Snapshot) -> bool:
    """Tell whether a diff is of a regular file; of a link that was renamed alone, git writes no mode."""
    told = file.old_mode or file.new_mode
    return file.is_file and bool(told or not {file.old, file.new} & tree.others)


def _collect(
    file: FileDiff,
    tree: Snapshot,
    blob: Callable[[str], bytes | None],
    judges: Callable[[str], bool],
    made: _Collected,
) -> None:
    if file.old and file.new and file.old != file.new and not file.copied:
        made.renamed[file.old] = file.new
    if file.old and not file.new:
        made.deleted.add(file.old)
    if file.new:
        made.added[file.new] = file.added
    if not judges(file.path) and not (file.old and judges(file.old)):
        return
    if file.combined:
        made.unknown[file.path] = COMBINED
        return
    contents = _contents(file, tree, blob)
    if contents is None:
        made.unknown[file.path] = BINARY if file.binary else MISSING
        return
    before, after = contents
    if file.old and not file.copied:
        made.base[file.old] = _file(before)
    if file.new:
        if file.copied:
            # All of it is new there.
            made.added[file.new] = frozenset(range(1, after.count(b"\n") + 2))
        made.head[file.new] = _file(after)


def _file(data: bytes) -> SourceFile:
    return SourceFile(blob_key(data), lambda: data)


def _contents(file: FileDiff, tree: Snapshot, blob: Callable[[str], bytes | None]) -> tuple[bytes, bytes] | None:
    """Return a file before and after its change; None where neither side is at hand."""
    here_after = b"" if file.new is None else _read(tree, file.new)
    here_before = b"" if file.old is None else _read(tree, file.old)
    if file.binary:
        pair = (_known(file.old_blob, here_before, blob), _known(file.new_blob, here_after, blob))
        return None if pair[0] is None or pair[1] is None else (pair[0], pair[1])
    found = _candidates(file, here_before, here_after, blob)
    return next((pair for pair in found if pair is not None), None)


def _candidates(
    file: FileDiff, here_before: bytes | None, here_after: bytes | None, blob: Callable[[str], bytes | None]
) -> Iterator[tuple[bytes, bytes] | None]:
    """Give what a file may have been and become: by the ids of the diff, by git's objects, and last by what fits."""
    if here_after is not None and (file.new is None or _is(file.new_blob, here_after)):
        yield _before(file, here_after)
    if here_before is not None and (file.old is None or _is(file.old_blob, here_before)):
        yield _after(file, here_before)
    known = blob(file.old_blob) if file.old_blob.strip("0") else None
    if known is not None:
        yield _after(file, known)
    if here_after is not None:
        yield _before(file, here_after)
    if here_before is not None:
        yield _after(file, here_before)


def _before(file: FileDiff, after: bytes) -> tuple[bytes, bytes] | None:
    before = unapply(file, after)
    return None if before is None or (file.old is None and before) else (before, after)


def _after(file: FileDiff, before: bytes) -> tuple[bytes, bytes] | None:
    after = apply(file, before)
    return None if after is None or (file.new is None and after) else (before, after)


def _known(name: str, here: bytes | None, blob: Callable[[str], bytes | None]) -> bytes | None:
    if not name.strip("0"):
        return b"" if name else here
    return here if here is not None and _is(name, here) else blob(name)


def _is(name: str, data: bytes) -> bool:
    return bool(name.strip("0")) and blob_key(data).startswith(name)


def _read(tree: Snapshot, path: str) -> bytes | None:
    return tree.files[path].read() if path in tree.files else None


def with_untracked(change: Change, tree: Snapshot, paths: Iterable[str]) -> Change:
    """Return a change with files that git doesn't know yet: all their lines are added."""
    added = dict(change.added)
    for path in paths:
        if path in tree.files:
            lines = tree.files[path].read().count(b"\n") + 1 if path.endswith(JUDGED) else 0
            added[path] = frozenset(range(1, lines + 1))
    return replace(change, added=added)
