"""Versions of a file of secrets: what it was before each change, the last ten."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets import store
from optimus_ops.secrets.snapshot import Snapshot, parse_snapshot

KEPT = 10
NUMBER = re.compile(r"[0-9]{6,12}")
WORD = re.compile(r"(?P<environment>[a-z0-9][a-z0-9-]{0,62})?@(?P<number>[1-9][0-9]{0,11}|latest)")
"""A version on a command line: `@3`, `@latest`; `staging@3` is one of an environment's own file."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a file was before a change; None for the snapshot if it is damaged."""

    number: int
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class VersionStore:
    """The folder with the versions of all files of secrets of a checkout (0700, each file 0600)."""

    folder: Path

    def keep(self, before: Snapshot, begun: Snapshot | None = None) -> None:
        """Add a version, or replace the last one if that is what `begun` says: the same change goes on.

        One that a run left which was killed before it changed anything is replaced as well.
        """
        self._prepare()
        numbers = self._numbers(before.file)
        last = numbers[-1] if numbers else 0
        number = last if last and (begun or self._holds(before, last)) else last + 1
        store.remove_leftovers(self._path(before.file, number))
        store.write(self._path(before.file, number), before.render())
        for old in [*numbers, number][:-KEPT]:
            # One more than wanted does no harm, and the next change removes it.
            with contextlib.suppress(OSError):
                self._path(before.file, old).unlink(missing_ok=True)

    def forget(self, before: Snapshot) -> None:
        """Remove the last version, if it is this one: the change after it was undone."""
        numbers = self._numbers(before.file)
        if numbers and self._holds(before, numbers[-1]):
            with contextlib.suppress(OSError):
                self._path(before.file, numbers[-1]).unlink(missing_ok=True)

    def begun(self, file: str, task: str) -> Snapshot | None:
        """Return the last version of a file, if this task kept it and what it was can still be read."""
        numbers = self._numbers(file)
        last = self._snapshot(file, numbers[-1]) if numbers else None
        return last if last is not None and last.task == task and last.named else None

    def listed(self, file: str) -> tuple[Version, ...]:
        """Return the versions of a file, oldest first."""
        return tuple(Version(number, self._snapshot(file, number)) for number in self._numbers(file))

    def read(self, file: str, word: str) -> tuple[int, Snapshot]:
        """Return the number and the content of a version: `latest` or a number.

        Raises:
            Refused: there is none, or it is damaged.
        """
        numbers = self._numbers(file)
        if not numbers:
            raise Refused(f"no version of {file} was kept yet", "each change keeps one: secrets.set, restore, rotate")
        number = numbers[-1] if word == "latest" else int(word)
        if number not in numbers:
            raise Refused(f"there is no version @{word} of {file}", f"there are @{numbers[0]} to @{numbers[-1]}")
        stored = store.read(self._path(file, number))
        if stored is None:
            raise Refused(f"version @{number} of {file} is gone", "invoke secrets.versions")
        return number, parse_snapshot(stored.content, f"version @{number} of {file}")

    def _snapshot(self, file: str, number: int) -> Snapshot | None:
        try:
            return self.read(file, str(number))[1]
        except Refused:
            return None

    def _holds(self, before: Snapshot, number: int) -> bool:
        found = self._snapshot(before.file, number)
        return found is not None and found.content == before.content

    def _path(self, file: str, number: int) -> Path:
        return self.folder / f"{file}.{number:06d}"

    def _numbers(self, file: str) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OpsError(f"the folder {self.folder} can't be read: {error.strerror}") from None
        ends = [name.removeprefix(f"{file}.") for name in names if name.startswith(f"{file}.")]
        return sorted(int(end) for end in ends if NUMBER.fullmatch(end))

    def _prepare(self) -> None:
        if self.folder.is_symlink():
            raise Refused(f"{self.folder} is a symbolic link: versions of secrets stay here", "remove it")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise OpsError(f"the folder {self.folder} can't be made: {error.strerror}") from None
