"""What a release is made from, as observed: settings, files, git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from optimus_ops.release.changelog import ChangelogSection


@dataclass(frozen=True)
class ReleaseSettings:
    """How a project is released: `[tool.optimus-ops.release]` of its `pyproject.toml`, and `[project]`.

    Args:
        name: the distribution.
        version: as `[project]` says.
        dependencies: requirements of the distribution.
        changelog: its path in the checkout.
        version_files: further TOML files whose `[project] version` is the release's; patterns.
        locks: requirement files with pinned versions and hashes; patterns.
        actions: whether a major tag (`v1`) follows the releases, for those who use the repository's actions.
        try_in: folder of the project that an installed distribution is tried in.
        try_commands: what is run there.
    """

    name: str
    version: Version
    dependencies: tuple[str, ...] = ()
    changelog: str = "CHANGELOG.md"
    version_files: tuple[str, ...] = ()
    locks: tuple[str, ...] = ("requirements/*.txt", "requirements.txt")
    actions: bool = False
    try_in: str = ""
    try_commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class GitFacts:
    """What git says of the checkout.

    Args:
        commit: the full id of HEAD.
        main: the main branch that was found ("origin/main", "main"); "" for none.
        on_main: whether HEAD is part of it.
        uncommitted: how many files differ from HEAD.
        tags: tag -> the commit it stands for.
    """

    commit: str
    main: str = ""
    on_main: bool = False
    uncommitted: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseFacts:
    """A checkout that is to be released.

    Args:
        changelog: its sections; None where the file is missing.
        versions: file -> version of the other files that state it.
        locked: lock -> name of a distribution (normalized) -> its pinned versions.
        unhashed: lock -> requirements without a hash.
    """

    root: Path
    settings: ReleaseSettings
    git: GitFacts
    changelog: tuple[ChangelogSection, ...] | None
    versions: Mapping[str, str] = field(default_factory=dict)
    locked: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    unhashed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
