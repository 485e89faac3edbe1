"""Which mounted configuration each container was started with: a digest per file or folder, noted when it starts.

The engine doesn't know: a bind mount shows whatever is in the folder now. A container that was started by somebody else
is judged by time: what was written after it was made, it may not have read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.engine.files import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimus_ops.engine.state import Replica
    from optimus_ops.stack.model import Service


@dataclass(frozen=True)
class ConfigNotes:
    """The notes of one project: container id -> mounted path -> digest.

    Args:
        path: the file that holds them.
    """

    path: Path

    def read(self) -> dict[str, dict[str, str]]:
        """Return the notes; none if there are none, or they can't be read."""
        try:
            notes = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def write(self, started: Mapping[str, Mapping[str, str]], there: Iterable[str]) -> None:
        """Note what containers were started with, and forget those that are gone.

        Args:
            started: container id -> mounted path -> digest.
            there: the ids of all containers of the project.
        """
        known = {**self.read(), **{key: dict(value) for key, value in started.items()}}
        kept = {key: known[key] for key in there if key in known}
        write_private(self.path, json.dumps(kept, indent=1))


def config_of(service: Service, secrets: Path) -> tuple[str, ...]:
    """Return the paths of a service's mounted configuration; secrets are none, they have a way of their own.

    Args:
        service: the service.
        secrets: the folder of the projected secrets.
    """
    return tuple(path for path in service.config_mounts if not Path(path).is_relative_to(secrets))


def digests(paths: Iterable[str]) -> dict[str, str]:
    """Return the digests of files and folders; a path that can't be read has none."""
    found: dict[str, str] = {}
    for name in paths:
        with contextlib.suppress(OSError):
            found[name] = _digest(Path(name))
    return found


def changed(replica: Replica, now: Mapping[str, str], notes: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Return those of the mounted paths whose content is another one than what a container was started with.

    Args:
        replica: the container.
        now: path -> digest.
        notes: what containers were started with.
    """
    noted = notes.get(replica.id)
    if noted is not None:
        return tuple(path for path, digest in now.items() if noted.get(path) != digest)
    made = replica.created_at
    return tuple(path for path in now if made is not None and _written(Path(path)) > made.timestamp())


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    for file in _files(path):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(path)}\0{content}\n".encode())
    return total.hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _written(path: Path) -> float:
    return max((file.stat().st_mtime for file in _files(path)), default=0.0)
