"""Versions of releases: three numbers as in Semantic Versioning, pre-releases as Python writes them (1.2.0rc1).

Sources: https://semver.org/spec/v2.0.0.html, https://packaging.python.org/specifications/version-specifiers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from packaging.version import InvalidVersion, Version

from optimus_ops.errors import Refused

Part = Literal["major", "minor", "patch"]
PARTS: tuple[Part, ...] = get_args(Part)


def parse_version(text: str, where: str = "version") -> Version:
    """Return a release's version.

    Raises:
        Refused: it is none, or not written in the one way that tags, file names and the changelog share.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        version = None
    if version is None or len(version.release) != 3 or version.epoch or version.local or version.is_postrelease:
        raise Refused(f"{where} {text!r}: three numbers are wanted, as 1.2.0 or 1.2.0rc1")
    if str(version) != text:
        raise Refused(f"{where} {text!r}: write it as {version}")
    return version


def bumped(version: Version, part: str) -> Version:
    """Return the next version: the part is counted up, those behind it are 0.

    A pre-release of the version that would come becomes that version: a patch of 1.2.0rc1 is 1.2.0.

    Raises:
        Refused: there is no such part.
    """
    if part not in PARTS:
        raise Refused(f"--bump {part}: one of {', '.join(PARTS)}")
    index = PARTS.index(part)
    numbers = version.release
    if version.is_prerelease and not any(numbers[index + 1 :]):
        return Version(version.base_version)
    following = [*numbers[:index], numbers[index] + 1, *(0 for _ in numbers[index + 1 :])]
    return Version(".".join(map(str, following)))


def tag_of(version: Version) -> str:
    """Return the tag of a version."""
    return f"v{version}"


def version_of_tag(tag: str) -> Version | None:
    """Return the version that a tag stands for; None if it stands for none."""
    try:
        return parse_version(tag.removeprefix("v"), "tag") if tag.startswith("v") else None
    except Refused:
        return None


def newest_beside(tags: Iterable[str], version: Version) -> Version | None:
    """Return the newest other version with the same major number that tags stand for; None if there is none.

    A fix of an older major version comes after newer ones, so that each major version has an order of its own.
    """
    found = (known for known in map(version_of_tag, tags) if known is not None and known != version)
    return max((known for known in found if known.major == version.major), default=None)
