"""What was done: one JSON line per event, in a file per change. No secret value ever gets there: steps hold none.

What a tool says in an error is masked.

The file is named after the project and the number of the change. Its writer holds `flock(2)` on it for as long as it
lives, so that a reader knows whether a change without an end is under way or was killed. Its name appears only when its
first line is complete; any later line may be torn.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.change.owner import user_name
from optimus_ops.errors import Refused
from optimus_ops.model.state import State
from optimus_ops.plan.render import plan_json
from optimus_ops.plan.step import Plan
from optimus_ops.system.clock import boot_id, boot_seconds, iso_now
from optimus_ops.system.output_masking import masked_document

KEPT = 200
"""So many changes of a project are kept."""


@dataclass(frozen=True)
class Journal:
    """The file of one change.

    Its descriptor is left open, since closing it would say that the change is over.
    """

    path: Path
    descriptor: int

    @classmethod
    def begin(
        cls, folder: Path, plan: Plan, *, before: Mapping[str, Any] | None = None, command: Sequence[str] | None = None
    ) -> Journal:
        """Open the file of a change and write who does what. The oldest files of the project go.

        `before` is what was there before the first step (`facts_of`), for whoever goes on after a kill; `command` are
        the words of the command line, those of this process if not given.
        """
        words = ["invoke", *sys.argv[1:]] if command is None else list(command)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            journal = _publish(folder, plan, {"command": words, "before": dict(before or {})})
        except OSError as error:
            raise Refused(
                f"the journal can't be written: {error.strerror} ({error.filename or folder})",
                "make room, be the folder's user, or have a state of your own: OPTIMUS_STATE_DIR",
            ) from error
        for _number, path in change_files(folder, plan.project)[:-KEPT]:
            path.unlink(missing_ok=True)
        return journal

    def write(self, event: str, **facts: Any) -> None:
        """Append one event.

        A disk that is full costs the line, and not the change or its undoing.
        """
        with contextlib.suppress(OSError):
            _append(self.descriptor, event, facts)


def facts_of(state: State) -> dict[str, dict[str, Any]]:
    """Return what a journal keeps of what was there: service -> how many replicas ran, and the ids of all of them."""
    return {
        service: {
            "running": len(state.running(service)),
            "containers": [replica.id for replica in state.of(service)],
        }
        for service in dict.fromkeys(replica.service for replica in state.replicas)
    }


def change_files(folder: Path, project: str) -> list[tuple[int, Path]]:
    """Return the numbers and files of a project's changes, oldest first."""
    name = re.compile(rf"{re.escape(project)}-(\d{{1,12}})\.jsonl")
    found = ((name.fullmatch(path.name), path) for path in folder.glob("*.jsonl"))
    return sorted((int(match[1]), path) for match, path in found if match)


def is_written(path: Path) -> bool:
    """Tell whether the process that writes a change's file still lives."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _publish(folder: Path, plan: Plan, facts: Mapping[str, Any]) -> Journal:
    """Write the first line under another name, and give the file its own when that is complete."""
    hidden = folder / f".begin-{plan.project}-{os.getpid()}"
    hidden.unlink(missing_ok=True)
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        who = {"user": user_name(), "host": platform.node(), "pid": os.getpid(), "boot": boot_id()}
        _append(descriptor, "begin", {**who, **facts, "plan": plan_json(plan)})
        # A crash of the machine must not take what the next change goes by.
        os.fsync(descriptor)
        return Journal(_named(hidden, folder, plan.project), descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        hidden.unlink(missing_ok=True)


def _named(hidden: Path, folder: Path, project: str) -> Path:
    """Give a file the next number; another change of the project may just have taken one."""
    number = max((number for number, _path in change_files(folder, project)), default=0)
    while True:
        number += 1
        path = folder / f"{project}-{number:06d}.jsonl"
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(hidden)
            return path


def _append(descriptor: int, event: str, facts: Mapping[str, Any]) -> None:
    document = masked_document(dict(facts))
    line = json.dumps({"at": iso_now(), "boot_seconds": round(boot_seconds(), 3), "event": event, **document})
    written = b"\n" * _torn(descriptor) + line.encode() + b"\n"
    if os.write(descriptor, written) < len(written):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _torn(descriptor: int) -> bool:
    """Tell whether the last line has no end, as when the disk was full for a while."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
