"""Writing small files: whole or not at all, on the disk, and private."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def atomic_write(path: Path, text: str, mode: int = 0o600, *, synced: bool = True) -> None:
    """Replace a file, by default by one that only its owner can read; its folder is made if it is missing.

    A reader sees the old or the new file, never a part of it, also after a power cut; if not `synced`, the power cut
    excepted, for files whose loss is only time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_folder(path.parent) as folder:
        replace_file(folder, path, text, mode, synced=synced)


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Open a folder: what is done through its descriptor stays in it, whatever becomes of its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def leftovers(path: Path) -> Iterator[Path]:
    """Give the files that writers of a file left behind when they were killed; nobody may be writing it now."""
    name = re.compile(rf"{re.escape(_temporary_stem(path))}\.[0-9a-f]{{16}}\.tmp")
    return (found for found in path.parent.iterdir() if name.fullmatch(found.name))


def _temporary_stem(path: Path) -> str:
    # Of a dot file, the name itself: what keeps `.env.secrets.*` out of git keeps its temporary files out, too.
    return path.name if path.name.startswith(".") else f".{path.name}"


def replace_file(
    folder: int, path: Path, text: str | bytes, mode: int, owner: tuple[int, int] | None = None, *, synced: bool = True
) -> None:
    """Replace the file `path` in its opened folder.

    The new file is created under a name of its own, so that no link that is there is followed: a symbolic link is
    replaced, and other names of the old file keep the old content. `owner` is a user's and a group's id, those of this
    process if not given.

    Raises:
        OSError: with the path as its file name; the old file is still there.
    """
    temporary = f"{_temporary_stem(path)}.{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
                stream.flush()
                if owner is not None:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, mode)
                if synced:
                    os.fsync(descriptor)
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
        if synced:
            os.fsync(folder)
    except OSError as error:
        # Not the temporary name, which says nothing to anybody.
        error.filename, error.filename2 = str(path), None
        raise
