"""Files of a server: read in its container, written and checked in a helper container, all through the engine.

Nothing is mounted from this host, so the engine may be on another one.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.redis.containers import RedisContainer

IDLE_SECONDS = 60.0
"""Without a single byte for so long, copying has failed."""
HELPER_SECONDS = 900.0
SCRATCH = "/backup"
"""A volume without a name, which is removed with its container."""


def run_inside(engine: Engine, container: RedisContainer, *words: str) -> str:
    """Run a command in a running container and return its output; raise `CommandFailed` where it fails."""
    return engine.exec(container.id, words, seconds=IDLE_SECONDS, check=True).stdout


def run_beside(
    engine: Engine, container: RedisContainer, script: str, *words: str, feed: Callable[[BinaryIO], None] | None = None
) -> str:
    """Run a shell script with the volumes of a container, which may be stopped, and return its output.

    It runs as the container's own user on its own image; `feed` writes its standard input.
    """
    done = engine.run_helper(
        container.image,
        (script, *words),
        volumes_of=container.id,
        user=container.user,
        feed=feed,
        seconds=HELPER_SECONDS,
    )
    return done.stdout


def run_isolated(
    engine: Engine, container: RedisContainer, script: str, *words: str, feed: Callable[[BinaryIO], None]
) -> None:
    """Run a shell script on a container's image, with an empty folder (`SCRATCH`) and nothing of the container's."""
    engine.run_helper(container.image, (script, *words), user="0:0", scratch=SCRATCH, feed=feed, seconds=HELPER_SECONDS)


def tar_writer(files: Mapping[str, Path | bytes]) -> Callable[[BinaryIO], None]:
    """Return a function that writes files as a tar archive: path in it -> a file on this host, or its content."""

    def write(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.mode = 0o600
                with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                    entry.size = source.seek(0, os.SEEK_END)
                    source.seek(0)
                    archive.addfile(entry, source)

    return write


def copy_out(
    engine: Engine, container: RedisContainer, path: str, to: Path, *, note: Callable[[int], None]
) -> tuple[int, str]:
    """Copy a file, which may grow meanwhile, out of a running container to a new file (0600) on this host.

    Return bytes and SHA-256 of the copy; `note` gets the bytes so far. `OpsError`: it can't be read, or nothing comes.
    """
    digest, count = hashlib.sha256(), 0
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:

        def write(chunk: bytes) -> None:
            nonlocal count
            target.write(chunk)
            digest.update(chunk)
            count += len(chunk)
            note(count)

        code = engine.exec_to(container.id, ("cat", path), write, idle_seconds=IDLE_SECONDS)
        target.flush()
        os.fsync(descriptor)
    if code != 0:
        raise OpsError(f"{path} can't be read in {container.name} (exit code {code})")
    return count, digest.hexdigest()
