"""Secrets in git: in any object of the store, in the files of the git directory, and files of secrets that git has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from optimus_ops.reports.place import Place
from optimus_ops.security.exposure.files import scan_file
from optimus_ops.security.exposure.git_objects import ObjectMatch, StoreScan, scan_store
from optimus_ops.security.exposure.git_places import ObjectPlace, object_places
from optimus_ops.security.exposure.git_repository import GitRepository, repositories
from optimus_ops.security.exposure.leaks import LeakRules, once_for_each_file
from optimus_ops.security.exposure.matcher import Matcher
from optimus_ops.security.model import CouldNotRun, ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule
from optimus_ops.system.process import run

LEAKS = LeakRules.of(
    "git", "in git's objects", "and take it out of the history (git filter-repo), all clones and caches"
)
METADATA = LeakRules.of("git", "in a file of the git directory", "and take it out of that file", "folder-")
TRACKED = Rule(
    *("git", "tracked-file", "critical", "a file of secrets that git tracks"),
    "git rm --cached FILE, and change every value in it: the history keeps them",
)
COMMITTED = Rule(
    *("git", "committed-file", "critical", "a file of secrets that a commit holds, though git no longer tracks it"),
    "change every value in it, and take it out of the history: git filter-repo --invert-paths --path FILE",
)
NOT_IGNORED = Rule(
    *("git", "not-ignored", "high", "a file of secrets that git does not ignore, so that `git add .` adds it"),
    "name it in .gitignore",
)
RULES = (*LEAKS.all, *METADATA.all, TRACKED, COMMITTED, NOT_IGNORED)
DANGLING = "give it a new value, then: git reflog expire --expire=now --all && git gc --prune=now"
PATTERNS = (".env.secrets", ".env.secrets.*")
TEMPLATES = (".example", ".sample", ".template")
NO_CONTENT = {"objects", "modules"}
"""Folders of a git directory that are read as objects, and as repositories of their own."""


def git_leaks(root: Path, secret_files: tuple[Path, ...], matcher: Matcher) -> Outcome:
    """Look through git's store and its files; `secret_files` are those that there are, or may be.

    Raises:
        CouldNotRun: a store can't be read.
        Refused: the folder is no checkout.
    """
    found = repositories(root)
    findings = list(_files_of_secrets(found[0], root, secret_files))
    scans = []
    for repository in found:
        scan = scan_store(repository, matcher)
        leaks = (*_in_objects(repository, scan), *_in_metadata(repository, root, matcher))
        findings += once_for_each_file(leaks)
        scans.append(scan)
    objects, size = sum(scan.objects for scan in scans), sum(scan.bytes for scan in scans)
    also = f" of it and {len(found) - 1} submodules" if len(found) > 1 else ""
    scope = f"{objects:,} objects{also} ({size / 1e6:.0f} MB), reachable or not"
    missing = "; ".join(filter(None, (repository.incomplete for repository in found)))
    return Outcome(scope, tuple(findings), missing, "fetch all of it: git fetch --unshallow, or clone anew")


def _in_objects(repository: GitRepository, scan: StoreScan) -> Iterator[ScanFinding]:
    places = object_places(repository, {match.object: match.type for match in scan.matches}, scan.commits)
    for match in sorted(scan.matches, key=lambda match: (places[match.object].order, match.line)):
        place = places[match.object]
        hint = DANGLING if place.lost else ""
        yield LEAKS.finding(match.match, _told(repository, place), _place(repository, match, place), hint=hint)


def _told(repository: GitRepository, place: ObjectPlace) -> str:
    return place.told + (f" of the submodule {repository.name}" if repository.name else "")


def _place(repository: GitRepository, match: ObjectMatch, place: ObjectPlace) -> Place:
    folder = f".git/modules/{repository.name}" if repository.name else ".git"
    if not place.path:
        return Place(f"{folder}/{match.object}")
    return Place(f"{folder}/{place.path}" if repository.name else place.path, match.line)


def _in_metadata(repository: GitRepository, root: Path, matcher: Matcher) -> Iterator[ScanFinding]:
    """Look into what git keeps beside its objects: addresses of remotes, messages, logs of refs, hooks."""
    for folder, folders, files in os.walk(repository.folder):
        if Path(folder) == repository.folder:
            folders[:] = sorted(set(folders) - NO_CONTENT)
        for path in (Path(folder, name) for name in sorted(files)):
            shown = (
                str(path.relative_to(root))
                if path.is_relative_to(root)
                else f".git/{path.relative_to(repository.folder)}"
            )
            if path.is_symlink():
                continue
            try:
                for match, line in scan_file(path, matcher):
                    yield METADATA.finding(match, shown, Place(shown, line))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CouldNotRun(f"{shown} can't be read: {error.strerror}") from error


def _files_of_secrets(repository: GitRepository, root: Path, secret_files: tuple[Path, ...]) -> Iterator[ScanFinding]:
    git = ["git", "-C", str(root), "-c", "safe.directory=*", "-c", "core.fsmonitor=false"]
    anywhere = [f":(glob)**/{pattern}" for pattern in PATTERNS]
    inside = [str(path.relative_to(root)) for path in secret_files if path.is_relative_to(root)]
    listed = run([*git, "ls-files", "-z", "--cached", "--", *anywhere, *inside], check=False).stdout
    tracked = sorted({name for name in listed.split("\0") if name and not name.endswith(TEMPLATES)})
    for name in tracked:
        yield TRACKED.finding(f"git tracks {name}", Place(name))
    words = (
        "log",
        "--all",
        "--reflog",
        "--format=",
        "--name-only",
        "--diff-filter=A",
        "-m",
        "-z",
        "--",
        *anywhere,
        *inside,
    )
    for name in sorted({name.strip() for name in repository.run(*words).split("\0")} - {"", *tracked}):
        if not name.endswith(TEMPLATES):
            yield COMMITTED.finding(f"a commit holds {name}", Place(name))
    for name in inside:
        ignored = run([*git, "check-ignore", "--quiet", "--no-index", "--", name], check=False)
        if ignored.code == 1:
            yield NOT_IGNORED.finding(f"git does not ignore {name}", Place(".gitignore"), identity=name)
