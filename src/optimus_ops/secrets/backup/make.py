"""`invoke secrets.backup`: plan, encrypted file, retention."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.secrets.backup.read_file import read_small
from optimus_ops.secrets.backup.retention import backup_name, backups_in, remove_backups, remove_leftovers
from optimus_ops.secrets.backup.sealing import Sealing, seal
from optimus_ops.secrets.snapshot import Snapshot
from optimus_ops.system.atomic_write import open_folder, replace_file
from optimus_ops.text.console import Progress


@step("write-backup", "encrypt {file} for {readers} into {path}")
class WriteBackup(Step):
    """Encrypt a file of secrets into a new file."""

    file: str
    readers: str
    path: str


@step("remove-backups", "remove older backups: {names}", final=True)
class RemoveBackups(Step):
    """Remove backups of the same file that are older than those to keep."""

    folder: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup goes: a new file, and how many of its folder are kept (None: all)."""

    path: Path
    keep: int | None = None


def choose_target(to: str, default: Path, keep: int | None, snapshot: Snapshot, sealing: Sealing) -> Target:
    """Return the new file for a backup: `to` is a file, or a folder; "" is the default folder.

    Raises:
        Refused: it is there already, or its folder isn't.
    """
    given = Path(to) if to else default
    if not to or given.is_dir() or to.endswith("/"):
        return Target(_new_name(given, snapshot, sealing), keep)
    if keep is not None:
        raise Refused("--keep goes with a folder of backups", f"name a folder: --to {given.parent}/")
    if os.path.lexists(given):
        raise Refused(f"{given} is there already", "a backup takes no file's place: name another one, or a folder")
    if not given.parent.is_dir():
        raise Refused(f"there is no folder {given.parent}", f"mkdir -p {given.parent}")
    return Target(given)


def _new_name(folder: Path, snapshot: Snapshot, sealing: Sealing) -> Path:
    now = datetime.now(UTC)
    names = (backup_name(snapshot.project, snapshot.environment, sealing.kind, now, count) for count in range(1, 1000))
    path = next((folder / name for name in names if not os.path.lexists(folder / name)), None)
    if path is None:
        raise Refused(f"{folder} has a thousand backups of this second", "wait a second")
    return path


def plan_backup(snapshot: Snapshot, sealing: Sealing, target: Target) -> Plan:
    """Return the steps of a backup."""
    asked = Cause("asked for", "requested")
    steps: list[Step] = [WriteBackup(file=snapshot.file, readers=sealing.readers, path=str(target.path), cause=asked)]
    if target.keep is not None:
        folder = target.path.parent
        found = backups_in(folder, snapshot.project, snapshot.environment)
        old = tuple(path.name for path in found[: max(len(found) + 1 - target.keep, 0)])
        if old:
            steps.append(RemoveBackups(folder=str(folder), names=old, cause=Cause(f"{target.keep} are kept")))
    return Plan(snapshot.project, "secrets.backup", tuple(steps))


@dataclass
class BackupExecutor(StepExecutor):
    """Writes a backup; its undo removes it."""

    snapshot: Snapshot
    sealing: Sealing

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {WriteBackup: self._write, RemoveBackups: self._remove}

    def _write(self, write: WriteBackup, _progress: Progress) -> None:
        path = Path(write.path)
        data = seal(self.snapshot, self.sealing)
        if os.path.lexists(path):
            raise Refused(f"{path} is there already", "another run made it: try again")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_leftovers(path.parent, self.snapshot.project, self.snapshot.environment)
            self.undo_stack.push(f"removed {path}", lambda: remove_backups([path]))
            with open_folder(path.parent) as folder:
                replace_file(folder, path, data, 0o600)
        except OSError as error:
            raise OpsError(
                f"the backup {path} can't be written: {error.strerror}", "make room, or name another folder"
            ) from None
        if read_small(path, "backup") != data:
            raise OpsError(f"the backup {path} is not what was written", "is the disk sound?")

    def _remove(self, remove: RemoveBackups, _progress: Progress) -> None:
        found = backups_in(Path(remove.folder), self.snapshot.project, self.snapshot.environment)
        remove_backups([path for path in found if path.name in remove.names])
