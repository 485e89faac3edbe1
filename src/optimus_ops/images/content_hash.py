"""Content hashes: whether an image is current with the files that it is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

LABEL = "com.optimus.source"
LEFT_OUT = frozenset(
    {"__pycache__", "tests", ".git", ".venv", ".optimus", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
)
LEFT_OUT_SUFFIXES = (".pyc", ".egg-info")


def content_hash(root: Path, paths: Iterable[Path], facts: Iterable[str] = ()) -> str:
    """Return a hash over files (path from `root`, executable or not, content) and facts, such as build arguments.

    Paths are files and folders; a missing one counts as empty. What `.dockerignore` leaves out is left out.
    """
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"fact {len(fact.encode())} {fact}\n".encode())
    for path in sorted(found for start in set(paths) for found in _files(start)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = bool(path.stat().st_mode & 0o100)
        digest.update(f"file {os.path.relpath(path, root)} {executable} {content}\n".encode())
    return digest.hexdigest()


def _files(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
        return
    if not start.is_dir():
        return
    for child in start.iterdir():
        if child.name not in LEFT_OUT and not child.name.endswith(LEFT_OUT_SUFFIXES):
            yield from _files(child)
