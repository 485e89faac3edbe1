"""Names of images, taken apart.

Grammar: https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations


def repository_of(name: str) -> str:
    """Return an image's name without tag and digest."""
    path, slash, last = name.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def tag_of(name: str) -> str:
    """Return an image's tag; `latest` where its name has none, as everywhere in Docker."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[2] or "latest"


def has_digest(name: str) -> bool:
    """Tell whether a name says by its digest which image it is, so that it can never stand for another one."""
    return "@" in name
