"""Rotations under way: a folder each in the state folder, with the record and both values, private and synced."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optimus_ops.errors import OpsError
from optimus_ops.rotation.record import ID, Record, parse_record
from optimus_ops.secrets import store
from optimus_ops.secrets.rotations_under_way import ROTATIONS
from optimus_ops.secrets.value import Secret
from optimus_ops.system.atomic_write import open_folder

RECORD = "record.json"
ValueName = Literal["old", "new"]


def new_id() -> str:
    """Return an id that no rotation had or will have."""
    return f"rot-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class RecordStore:
    """The records of a checkout's rotations, below its state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.state / ROTATIONS

    def pending(self) -> tuple[Record, ...]:
        """Return the rotations that have not ended, oldest first.

        Raises:
            Refused: a record is damaged.
        """
        return tuple(record for record in self._all() if not record.phase.ended)

    def find(self, rotation: str) -> Record | None:
        """Return a rotation; None if there is none, or it has not begun or is forgotten."""
        stored = store.read(self.folder / rotation / RECORD)
        return parse_record(stored.content.reveal(), f"{self.folder.name}/{rotation}/{RECORD}") if stored else None

    def save(self, record: Record) -> None:
        """Write a record down; it is on the disk when this returns.

        Raises:
            OpsError: it can't be written, and is as it was.
        """
        self._write(record.rotation, RECORD, Secret(record.as_text()))

    def keep_value(self, rotation: str, name: ValueName, value: Secret) -> None:
        """Write a value down, likewise."""
        self._write(rotation, name, value)

    def value(self, rotation: str, name: ValueName) -> Secret | None:
        """Return a value; None before it is known."""
        stored = store.read(self.folder / rotation / name)
        return stored.content if stored else None

    def forget(self, record: Record) -> None:
        """Remove what is kept of a rotation that has ended; what a killed run left is removed by `sweep`."""
        shutil.rmtree(self.folder / record.rotation, ignore_errors=True)

    def sweep(self) -> None:
        """Remove the values of rotations that have ended or never began, and what killed writers left of others."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            record = self.find(path.name) if ID.fullmatch(path.name) else None
            if ID.fullmatch(path.name) and (record is None or record.phase.ended):
                shutil.rmtree(path, ignore_errors=True)
            elif record is not None:
                for name in (RECORD, "old", "new"):
                    store.remove_leftovers(path / name)

    def _all(self) -> tuple[Record, ...]:
        names = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []
        found = [record for name in names if ID.fullmatch(name) and (record := self.find(name))]
        return tuple(sorted(found, key=lambda record: (record.began, record.rotation)))

    def _write(self, rotation: str, name: str, content: Secret) -> None:
        path = self.folder / rotation / name
        try:
            for folder in (self.folder, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open_folder(folder.parent) as parent:
                    os.fsync(parent)
        except OSError as error:
            raise OpsError(f"{path.parent} can't be made: {error.strerror}", "make room, or be its user") from None
        store.write(path, content)
