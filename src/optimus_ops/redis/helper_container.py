"""Files of a server: read in its container, written and checked in a container beside it, all through the engine.

Nothing is mounted from this host, so the engine may be on another one.
"""

from __future__ import annotations

import hashlib
import io
import os
import select
import subprocess
import tarfile
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.system.process import CommandFailed, Completed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from optimus_ops.redis.containers import RedisContainer

IDLE_SECONDS = 60.0
"""Without a single byte, copying has failed."""
HELPER_SECONDS = 900.0
CHUNK = 1024**2
SCRATCH = "/backup"
"""A volume without a name, which goes with its container."""


def inside(container: RedisContainer, *words: str) -> str:
    """Run a command in a running container and return what it printed.

    Raises:
        CommandFailed: it failed.
    """
    return run(["docker", "exec", container.id, *words], deadline=IDLE_SECONDS).stdout


def beside(container: RedisContainer, script: str, *words: str, pour: Callable[[BinaryIO], None] | None = None) -> str:
    """Run a shell script with the volumes of a container, which may be stopped, and return what it printed.

    It runs as the container's own user on its own image, without a network.

    Args:
        container: whose volumes.
        script: the script.
        words: its arguments.
        pour: writes what the script reads from standard input.

    Raises:
        CommandFailed: it failed.
        OpsError: it took too long.
    """
    user = ["--user", container.user] if container.user else []
    return _helper(container, ["--volumes-from", container.id, *user], script, words, pour)


def with_scratch(
    container: RedisContainer, script: str, *words: str, pour: Callable[[BinaryIO], None] | None = None
) -> str:
    """Run a shell script on a container's image, with an empty folder (`SCRATCH`) and nothing of the container's.

    Args:
        container: whose image.
        script: the script.
        words: its arguments.
        pour: writes what the script reads from standard input.

    Raises:
        CommandFailed: it failed.
        OpsError: it took too long.
    """
    return _helper(container, ["--volume", SCRATCH, "--user", "0:0", "--cap-drop", "ALL"], script, words, pour)


def _helper(
    container: RedisContainer,
    flags: Sequence[str],
    script: str,
    words: Sequence[str],
    pour: Callable[[BinaryIO], None] | None,
) -> str:
    start = ["docker", "run", "--rm", "--interactive", "--network", "none", *flags, "--entrypoint", "sh"]
    return _piped([*start, container.image, "-euc", script, "sh", *words], pour).stdout


def tar_of(files: Mapping[str, Path | bytes]) -> Callable[[BinaryIO], None]:
    """Return what writes files as a tar archive; they have their paths in it and nothing else.

    Args:
        files: path in the archive -> a file on this host, or its content.
    """

    def pour(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.mode = 0o600
                with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                    entry.size = source.seek(0, os.SEEK_END)
                    source.seek(0)
                    archive.addfile(entry, source)

    return pour


def _piped(argv: Sequence[str], pour: Callable[[BinaryIO], None] | None) -> Completed:
    """Run a command that reads what `pour` writes."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise MachineLacks(
            "there is no `docker` on this machine",
            "install it with: python3 scripts/bootstrap.py --with-docker invoke doctor",
        ) from error
    overdue = threading.Timer(HELPER_SECONDS, process.kill)
    overdue.daemon = True
    overdue.start()
    said: dict[str, bytes] = {}
    readers = [
        threading.Thread(target=lambda name=name, stream=stream: said.update({name: stream.read()}), daemon=True)
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        _feed(process, pour)
        code = process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        overdue.cancel()
    for reader in readers:
        reader.join()
    texts = {name: text.decode("utf-8", "replace") for name, text in said.items()}
    completed = Completed(tuple(argv), code, texts["stdout"], texts["stderr"])
    if code != 0:
        raise CommandFailed(completed)
    return completed


def _feed(process: subprocess.Popen[bytes], pour: Callable[[BinaryIO], None] | None) -> None:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe
    try:
        with process.stdin as stream:
            if pour is not None:
                pour(stream)  # type: ignore[arg-type]  # a pipe is a stream of bytes
    except BrokenPipeError:
        # The script ended early; its exit code and its words tell why.
        return


def copy_out(container: RedisContainer, path: str, to: Path, *, note: Callable[[int], None]) -> tuple[int, str]:
    """Copy a file out of a running container; it may grow meanwhile.

    Args:
        container: which.
        path: the file in it.
        to: the new file on this host (0600).
        note: told how many bytes there are so far.

    Returns:
        its bytes and SHA-256.

    Raises:
        OpsError: it can't be read, or nothing comes.
    """
    argv = ["docker", "exec", container.id, "cat", path]
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as target,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process,
    ):
        try:
            count, digest = _drain(process, target.write, note)
        except BaseException:
            process.kill()
            raise
        target.flush()
        os.fsync(descriptor)
    if process.returncode != 0:
        raise OpsError(f"{path} can't be read in {container.name} (exit code {process.returncode})")
    return count, digest


def _drain(
    process: subprocess.Popen[bytes], write: Callable[[bytes], int], note: Callable[[int], None]
) -> tuple[int, str]:
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    source = process.stdout.fileno()
    digest, count, heard = hashlib.sha256(), 0, time.monotonic()
    while True:
        ready, _, _ = select.select([source], [], [], 1.0)
        if not ready:
            if time.monotonic() - heard > IDLE_SECONDS:
                raise OpsError(f"the engine gave nothing for {IDLE_SECONDS:.0f} s")
            continue
        heard = time.monotonic()
        chunk = os.read(source, CHUNK)
        if not chunk:
            return count, digest.hexdigest()
        write(chunk)
        digest.update(chunk)
        count += len(chunk)
        note(count)
