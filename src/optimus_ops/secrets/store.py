"""Files that hold secrets: never through a symbolic link, never half-written, never open for a moment too long."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets.value import Secret
from optimus_ops.system.atomic_write import leftovers, open_folder, replace_file
from optimus_ops.system.output_masking import OUTPUT

MARKER = ".optimus-secrets"
"""Says that a folder is a projection of ours, so that what is stale in it may be removed."""
LOCK_SECONDS = 10.0
MOST_BYTES = 4 * 1024**2
MARKER_TEXT = "Written by `invoke secrets.init` from .env.secrets; whatever is added here by hand is removed.\n"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it was found.

    Args:
        mode: its permission bits.
        owner: the id of its user.
        names: how many names (hard links) it has.
        written: when, in seconds since the epoch.
    """

    content: Secret
    mode: int
    owner: int = field(default=0, compare=False)
    names: int = field(default=1, compare=False)
    written: float = field(default=0.0, compare=False)


def read(path: Path) -> StoredFile | None:
    """Return a file, or None if there is none.

    Raises:
        Refused: it is a symbolic link or not a regular file, can't be read, is too large, or isn't UTF-8.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise Refused(f"{path.name} is not a regular file", f"move it away: {path}")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Refused(f"{path.name} is larger than {MOST_BYTES // 1024**2} MiB", f"no file of secrets: {path}")
        try:
            # Editors of other systems put a byte order mark in front.
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"{path.name} is not UTF-8 text (byte {error.start})", f"save it as UTF-8: {path}") from None
    mode = stat.S_IMODE(found.st_mode)
    return StoredFile(Secret(text), mode, found.st_uid, found.st_nlink, found.st_mtime)


def _unreadable(path: Path, error: OSError) -> Refused:
    if error.errno == errno.ELOOP:
        return Refused(f"{path.name} is a symbolic link: secrets are kept in the file itself", f"replace it: {path}")
    return Refused(f"{path.name} can't be read: {error.strerror}", f"look at its owner and mode: ls -l {path}")


def write(path: Path, content: Secret, mode: int = 0o600) -> None:
    """Replace a file as one step: readers see the old content or the new, also after a power cut.

    Raises:
        Refused: the path is a symbolic link or not a regular file, or everybody can write into its folder.
        OpsError: it can't be written; the old content is still there.
    """
    refuse_unless_regular(path)
    try:
        with open_folder(path.parent) as folder:
            _refuse_open_folder(path.parent, os.fstat(folder).st_mode)
            replace_file(folder, path, content.reveal(), mode, _kept_owner(folder, path.name))
        OUTPUT.look_again()
    except OSError as error:
        raise OpsError(f"{path.name} can't be written: {error.strerror}", f"look at the folder {path.parent}") from None


def _refuse_open_folder(folder: Path, mode: int) -> None:
    if mode & stat.S_IWOTH:
        raise Refused(
            f"everybody can write into the folder {folder}, and so put files of their own in the place of secrets",
            f"chmod o-w {folder}, or name another one: OPTIMUS_SECRETS_FILE, OPTIMUS_SECRETS_DIR",
        )


def _kept_owner(folder: int, name: str) -> tuple[int, int] | None:
    """Return whom a file stays with: root doesn't take it away from its user."""
    if os.geteuid() != 0:
        return None
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_uid, found.st_gid


def refuse_unless_regular(path: Path) -> None:
    """Raise `Refused` if something other than a regular file is at the path."""
    if path.is_symlink():
        raise Refused(f"{path.name} is a symbolic link: secrets are kept in the file itself", f"replace it: {path}")
    if path.exists() and not path.is_file():
        raise Refused(f"{path.name} is not a regular file", f"move it away: {path}")


def tighten(path: Path, mode: int = 0o600) -> None:
    """Set a file's permission bits."""
    try:
        path.chmod(mode)
    except OSError as error:
        raise OpsError(f"{path.name}: its mode can't be set: {error.strerror}", f"chmod {mode:o} {path}") from None


def prepare_folder(folder: Path) -> None:
    """Make the folder of a projection (0700) and mark it as ours."""
    refuse_foreign(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise OpsError(f"the folder {folder} can't be made: {error.strerror}") from None
    _mark(folder / MARKER)


def _mark(marker: Path) -> None:
    # Made in place and not through a temporary file, which another first run would take for somebody else's.
    try:
        with marker.open("x", encoding="utf-8") as stream:
            stream.write(MARKER_TEXT)
    except FileExistsError:
        return
    except OSError as error:
        raise OpsError(f"{marker} can't be written: {error.strerror}") from None


def prepare_service_folder(folder: Path) -> None:
    """Make a service's folder (0755: its container runs as another user, and 0700 is above it)."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Refused(f"{folder} is not a folder", "remove it: it stands where a service's secrets go")
    try:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    except OSError as error:
        raise OpsError(f"the folder {folder} can't be made: {error.strerror}") from None


def refuse_foreign(folder: Path) -> None:
    """Raise `Refused` unless the folder is absent, empty or one of ours: what is stale in it will be removed."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Refused(f"{folder} is not a folder", "secrets need a folder of their own: OPTIMUS_SECRETS_DIR")
    # In this order: another run makes the marker before it makes anything else.
    if folder.is_dir() and not _only_empty_folders(folder) and not (folder / MARKER).is_file():
        raise Refused(
            f"the folder {folder} holds other files",
            "name an empty or new folder in OPTIMUS_SECRETS_DIR: stale files in it are removed",
        )


def _only_empty_folders(folder: Path) -> bool:
    """Whether there is nothing but what the engine makes by itself for a mount whose source is missing."""
    entries = (entry for entry in folder.iterdir() if entry.name != MARKER)
    return all(entry.is_dir() and not entry.is_symlink() and not any(entry.iterdir()) for entry in entries)


def observe(folder: Path) -> Mapping[str, StoredFile | None]:
    """Return what a projection holds: `consumer/name` -> file, None for what is no readable regular file."""
    found: dict[str, StoredFile | None] = {}
    if not folder.is_dir():
        return found
    for consumer in sorted(folder.iterdir()):
        if consumer.is_dir() and not consumer.is_symlink():
            for path in sorted(consumer.iterdir()):
                found[f"{consumer.name}/{path.name}"] = _read_or_none(path)
    return found


def _read_or_none(path: Path) -> StoredFile | None:
    try:
        return read(path)
    except Refused:
        return None


def remove(folder: Path, name: str) -> None:
    """Remove one projected file (`consumer/name`)."""
    path = folder / name
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OpsError(f"the stale secret {path} can't be removed: {error.strerror}", "remove it by hand") from None


def remove_empty_folders(folder: Path, keep: Collection[str]) -> None:
    """Remove empty folders of services that read no secrets any more; those in `keep` are mounted even when empty."""
    for service in folder.iterdir():
        if service.is_dir() and service.name not in keep:
            # A folder with something in it, or still mounted, stays.
            with contextlib.suppress(OSError):
                service.rmdir()


def remove_leftovers(path: Path) -> None:
    """Remove what writers of a file that were killed left behind: it holds secrets. The secrets have to be locked."""
    with contextlib.suppress(OSError):
        for found in leftovers(path):
            found.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs from writing the same secrets; the lock ends with the process that holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Refused(
                        "another run is writing the secrets", "wait until it is done, then try again"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
