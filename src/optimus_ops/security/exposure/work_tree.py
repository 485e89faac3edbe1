"""Secrets in files of the work tree: those that git knows or would add, and those that it ignores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from optimus_ops.reports.place import Place
from optimus_ops.security.exposure.files import scan_file
from optimus_ops.security.exposure.leaks import LeakRules, once_for_each_file
from optimus_ops.security.exposure.matcher import Match, Matcher
from optimus_ops.security.model import CouldNotRun
from optimus_ops.security.outcome import Outcome
from optimus_ops.system.process import run

LEAKS = LeakRules.of("work-tree", "in a file of the checkout", "and take it out of the file")
IGNORED = LeakRules.of(
    "work-tree", "in a file that git ignores", "and remove the file, if nothing needs it", "ignored-"
)
RULES = (*LEAKS.all, IGNORED.value)
DEPENDENCIES = frozenset({".venv", "venv", "node_modules", ".nox", ".tox", "__pycache__", "site-packages", ".git"})
"""Folders of packages, compiled code and caches: others made them, and no file of secrets is there."""
CACHES = frozenset({".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"})
MOST_IGNORED = 256 * 1024**2
"""Bytes of ignored files that are looked at in all."""
SECONDS = 60.0


def work_tree_leaks(root: Path, own: Iterable[Path], matcher: Matcher, values: Matcher) -> Outcome:
    """Look through the work tree; `own` are the files and folders that hold secrets on purpose.

    In ignored files only known values are looked for (`values`): logs and reports have many texts of a key's form.

    Raises:
        CouldNotRun: git can't list the files, or a file can't be read.
    """
    kept = tuple(own)
    names = _listed(root, "--cached", "--others", "--exclude-standard")
    files = [name for name in names if not _within(root / name, kept)]
    findings = [
        LEAKS.finding(match, name, Place(name, line)) for name in files for match, line in _scanned(root, name, matcher)
    ]
    ignored = sorted(set(_ignored(root, kept)) - set(files))
    budget, count, skipped = MOST_IGNORED, 0, 0
    for name in ignored:
        size = (root / name).lstat().st_size if os.path.lexists(root / name) else 0
        if size > budget:
            skipped += 1
            continue
        budget, count = budget - size, count + 1
        findings += [IGNORED.finding(match, name, Place(name, line)) for match, line in _scanned(root, name, values)]
    scope = (
        f"{len(files):,} files, and known values in {count:,} ignored ones (folders of packages and caches left out)"
    )
    missing = f"{skipped} ignored files, beyond {MOST_IGNORED // 1024**2} MB in all" if skipped else ""
    return Outcome(f"{scope}; not in {missing}" if missing else scope, once_for_each_file(findings))


def _listed(root: Path, *options: str) -> list[str]:
    command = ["git", "-C", str(root), "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z"]
    done = run([*command, *options], deadline=SECONDS, check=False)
    if done.code:
        raise CouldNotRun("git can't list the files of the checkout", "git status")
    return sorted({name for name in done.stdout.split("\0") if name})


def _ignored(root: Path, kept: tuple[Path, ...]) -> Iterator[str]:
    """Give ignored files, without walking through folders of packages."""
    for name in _listed(root, "--others", "--ignored", "--exclude-standard", "--directory"):
        if not name.endswith("/"):
            if not _within(root / name, kept):
                yield name
            continue
        if DEPENDENCIES.union(CACHES).intersection(PurePosixPath(name).parts):
            continue
        for folder, folders, files in os.walk(root / name):
            inside = [found for found in folders if found not in DEPENDENCIES | CACHES]
            folders[:] = sorted(found for found in inside if not _within(Path(folder, found), kept))
            paths = (Path(folder, file) for file in sorted(files))
            yield from (str(path.relative_to(root)) for path in paths if not _within(path, kept))


def _within(path: Path, kept: tuple[Path, ...]) -> bool:
    return any(path == own or own in path.parents for own in kept)


def _scanned(root: Path, name: str, matcher: Matcher) -> list[tuple[Match, int]]:
    path = root / name
    if path.is_symlink() or not path.is_file():
        return []
    try:
        return list(scan_file(path, matcher))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CouldNotRun(f"{name} can't be read: {error.strerror}", "run it as the owner of the checkout") from error
