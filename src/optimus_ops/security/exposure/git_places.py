"""Where an object is in a history: the commit that introduced it and its path, a tag, or out of reach of any ref."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from optimus_ops.security.exposure.git_repository import GitRepository

SHORT = 12


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object is.

    Args:
        path: of a blob, "" where it has none.
        told: the rest, for people.
        lost: whether no ref leads to it.
        order: that of the commit that introduced it: the oldest is 0.
    """

    path: str
    told: str
    lost: bool = False
    order: int = 0


def object_places(
    repository: GitRepository, wanted: Mapping[str, str], commits: Iterable[str]
) -> Mapping[str, ObjectPlace]:
    """Return the places of objects (id -> type); `commits` are all commits of the store, also those without a ref."""
    if not wanted:
        return {}
    by_ref = repository.run("rev-list", "--all", "--reverse", "--topo-order").split()
    noted = repository.run("rev-list", "--all", "--reflog", "--reverse", "--topo-order").split()
    reach = {**dict.fromkeys(commits, "which no ref reaches"), **dict.fromkeys(noted, "which only a reflog reaches")}
    reach |= dict.fromkeys(by_ref, "")
    order = [*by_ref, *(found for found in reach if found not in set(by_ref))]
    place_in_order = {commit: number for number, commit in enumerate(order)}
    introduced = _introduced(repository, order, {name for name, kind in wanted.items() if kind in {"blob", "tree"}})
    tags = _tags(repository)
    places = {}
    for name, kind in wanted.items():
        if found := introduced.get(name):
            commit, path = found
            told = _commit(commit, reach[commit])
            places[name] = ObjectPlace(path, told, bool(reach[commit]), place_in_order[commit])
        elif kind == "commit":
            places[name] = ObjectPlace("", f"message of {_commit(name, reach[name])}", bool(reach[name]))
        elif kind == "tag":
            told = tags.get(name) or f"{name[:SHORT]}, dangling"
            places[name] = ObjectPlace("", f"message of tag {told}", name not in tags)
        else:
            places[name] = ObjectPlace("", f"dangling {kind} {name[:SHORT]}", lost=True)
    return places


def _commit(name: str, reach: str) -> str:
    return f"commit {name[:SHORT]}{f', {reach}' if reach else ''}"


def _introduced(
    repository: GitRepository, commits: Iterable[str], wanted: Collection[str]
) -> Mapping[str, tuple[str, str]]:
    """Return object -> the first of some commits that introduced it, and its path there."""
    if not wanted:
        return {}
    options = ("--stdin", "--root", "-m", "-r", "-t", "--no-renames", "--no-abbrev", "--diff-filter=AMT", "-z")
    fields = repository.run("diff-tree", *options, feed=commits).split("\0")
    found: dict[str, tuple[str, str]] = {}
    commit, position = "", 0
    while position < len(fields):
        field = fields[position].strip("\n")
        if field.startswith(":"):
            name = field.split(" ")[3]
            if name in wanted:
                found.setdefault(name, (commit, fields[position + 1]))
            position += 2
        else:
            commit = field.split(" ")[0] or commit
            position += 1
    return found


def _tags(repository: GitRepository) -> Mapping[str, str]:
    listed = repository.run("for-each-ref", "--format=%(objectname) %(refname:short)", "refs/tags")
    return dict(line.split(" ", 1) for line in listed.splitlines())
