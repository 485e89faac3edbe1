"""Observing a checkout that is to be released."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from optimus_ops.errors import Refused
from optimus_ops.project.git_checkout import GIT_SECONDS, head_commit, uncommitted
from optimus_ops.release.changelog import parse_changelog
from optimus_ops.release.model import GitFacts, ReleaseFacts
from optimus_ops.release.settings import read_settings, read_toml
from optimus_ops.system.process import run

if TYPE_CHECKING:
    from pathlib import Path

MAIN_BRANCHES = ("origin/main", "main", "origin/master", "master")


def observe_release(root: Path) -> ReleaseFacts:
    """Read settings, changelog, locks and git of a checkout.

    Raises:
        Refused: one of them is malformed, or the folder is no git checkout.
    """
    settings = read_settings(root)
    changelog = read_text(root / settings.changelog)
    files = {str(path.relative_to(root)): path for pattern in settings.version_files for path in root.glob(pattern)}
    versions = {name: str(read_toml(path).get("project", {}).get("version", "")) for name, path in files.items()}
    locks = {str(path.relative_to(root)): path for pattern in settings.locks for path in sorted(root.glob(pattern))}
    read = {name: read_lock(path.read_text("utf-8"), name) for name, path in locks.items()}
    return ReleaseFacts(
        root=root,
        settings=settings,
        git=observe_git(root),
        changelog=None if changelog is None else parse_changelog(changelog),
        versions=versions,
        locked={name: pinned for name, (pinned, _) in read.items()},
        unhashed={name: unhashed for name, (_, unhashed) in read.items()},
    )


def read_text(path: Path) -> str | None:
    """Return a file's text, its line ends as they are; None where there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} can't be read: {error}") from error


def observe_git(root: Path) -> GitFacts:
    """Ask git for the commit, its branch and the tags.

    Raises:
        Refused: the folder is no git checkout with a commit.
    """
    commit = head_commit(root)
    found = (name for name in MAIN_BRANCHES if git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"))
    main = next(found, "")
    on_main = bool(main) and git(root, "merge-base", "--is-ancestor", commit, main) is not None
    lines = git(root, "for-each-ref", "--format=%(refname:strip=2) %(objectname) %(*objectname)", "refs/tags") or ""
    tags = {words[0]: words[-1] for words in (line.split() for line in lines.splitlines())}
    return GitFacts(commit, main, on_main, uncommitted(root), tags)


def git(root: Path, *words: str) -> str | None:
    """Return what git prints; None where it fails."""
    done = run(["git", "-C", str(root), *words], deadline=GIT_SECONDS, check=False)
    return done.stdout if done.code == 0 else None


def read_lock(text: str, name: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return distribution -> pinned versions of a requirements file, and the requirements without a hash.

    Raises:
        Refused: a line can't be read.
    """
    pinned: defaultdict[str, list[str]] = defaultdict(list)
    unhashed = []
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        content = re.sub(r"(^|\s)#.*", "", line).strip()
        if not content or content.startswith("-"):
            continue
        try:
            requirement = Requirement(re.split(r"\s--hash", content, maxsplit=1)[0])
        except InvalidRequirement as error:
            raise Refused(f"{name}: {content[:60]}: {error}") from error
        exact = [found.version for found in requirement.specifier if found.operator == "=="]
        pinned[canonicalize_name(requirement.name)] += exact
        if "--hash=" not in content or not exact:
            unhashed.append(requirement.name)
    return {found: tuple(versions) for found, versions in pinned.items()}, tuple(unhashed)
