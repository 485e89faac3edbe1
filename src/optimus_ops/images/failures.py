"""Why a build failed, said in one message: the usual causes are looked at rather than read out of a log."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import DockerException

from optimus_ops.engine.process import CommandFailed
from optimus_ops.errors import MachineLacks, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_BYTES = 300 * 1024 * 1024
SHOWN_LINES = 12


@contextmanager
def explained(what: str, log: Path) -> Iterator[None]:
    """Turn the failure of a command into one message with its cause.

    Args:
        what: what was being made.
        log: the file that holds everything the command said.

    Raises:
        MachineLacks: the engine stopped answering.
        OpsError: anything else, such as a full disk.
    """
    try:
        yield
    except CommandFailed as failed:
        raise _cause(what, failed, log) from failed
    except OSError as error:
        raise OpsError(f"making {what} failed: {error.strerror or error}", f"full log: {log}") from error


def _cause(what: str, failed: CommandFailed, log: Path) -> OpsError:
    docker_root = _docker_root()
    if docker_root is None:
        return MachineLacks(
            f"the Docker engine stopped answering while {what} was made",
            "start it: python3 scripts/bootstrap.py --with-docker invoke doctor",
        )
    for folder in (docker_root, log.parent, Path("/tmp")):  # noqa: S108 - looked at, not written to
        free = shutil.disk_usage(folder).free if folder.is_dir() else FULL_BYTES
        if free < FULL_BYTES:
            return OpsError(
                f"making {what} failed: only {free // 1024**2} MiB are free on the disk of {folder}",
                "make room, for example: docker system prune",
            )
    said = "\n    ".join(essence(failed.completed.stderr or failed.completed.stdout))
    return OpsError(f"making {what} failed:\n    {said}", f"full log: {log}")


def essence(output: str) -> tuple[str, ...]:
    """Return the last telling lines of a log: without BuildKit's step numbers, echoed Dockerfile lines and blanks."""
    lines = [re.sub(r"^#\d+ (?:\d+\.\d+ )?", "", line).rstrip() for line in output.splitlines()]
    telling = [line for line in lines if line and not re.match(r"\s*\d+ \| |-{4,}|>>> |Dockerfile:\d+|CANCELED$", line)]
    return tuple(dict.fromkeys(telling[-3 * SHOWN_LINES :]))[-SHOWN_LINES:]


def _docker_root() -> Path | None:
    try:
        return Path(docker.from_env(timeout=5).api.info()["DockerRootDir"])
    except (DockerException, OSError):
        return None
