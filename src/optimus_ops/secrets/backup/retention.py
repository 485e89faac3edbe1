"""Names of backups, and which of them are the oldest."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.secrets.backup.sealing import Kind, kind_of

ENDINGS: dict[Kind, str] = {"gpg": "asc", "age": "age"}
STAMP = "%Y%m%dT%H%M%SZ"


def backup_name(project: str, environment: str, kind: Kind, now: datetime, number: int = 1) -> str:
    """Return the name of a new backup; `number` tells those of one second apart."""
    owner = f"{project}.{environment}" if environment else project
    again = f"-{number}" if number > 1 else ""
    return f"{owner}-{now.astimezone(UTC).strftime(STAMP)}{again}.secrets.{ENDINGS[kind]}"


def backups_in(folder: Path, project: str, environment: str) -> tuple[Path, ...]:
    """Return the backups of one file of secrets in a folder, oldest first: by name; encrypted regular files only."""
    name = re.compile(_pattern(project, environment))
    found = [(match, path) for path in _listed(folder) if (match := name.fullmatch(path.name)) and _is_backup(path)]
    ordered = sorted((match["time"], int(match["number"] or 1), path) for match, path in found)
    return tuple(path for _time, _number, path in ordered)


def remove_leftovers(folder: Path, project: str, environment: str) -> None:
    """Remove what a run that was killed left of a backup; the project has to be locked."""
    name = re.compile(rf"\.{_pattern(project, environment)}\.[0-9a-f]{{16}}\.tmp")
    for path in _listed(folder):
        if name.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def _pattern(project: str, environment: str) -> str:
    owner = re.escape(f"{project}.{environment}" if environment else project)
    return rf"{owner}-(?P<time>[0-9]{{8}}T[0-9]{{6}}Z)(?:-(?P<number>[0-9]{{1,4}}))?\.secrets\.(?:asc|age)"


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OpsError(f"the folder {folder} can't be read: {error.strerror}") from None


def remove_backups(paths: Sequence[Path]) -> None:
    """Remove backups."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OpsError(f"the old backup {path} can't be removed: {error.strerror}") from None


def _is_backup(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as stream:
            kind_of(stream.read(64), path.name)
    except (OSError, OpsError):
        return False
    return True
