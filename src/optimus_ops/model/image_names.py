"""Names of images, taken apart.

Grammar: https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

KEPT = "kept-"
"""What the tags begin with under which images are kept for a rollback."""


def repository_of(name: str) -> str:
    """Return an image's name without tag and digest."""
    path, slash, last = name.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def tag_of(name: str) -> str:
    """Return an image's tag; `latest` where its name has none, as everywhere in Docker."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[2] or "latest"


def is_kept(name: str) -> bool:
    """Tell whether a name is one under which this library keeps an image for a rollback."""
    return tag_of(name).startswith(KEPT)
