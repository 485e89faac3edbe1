"""Running a command: output line by line, a deadline, and no orphan behind an interruption."""

from __future__ import annotations

import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.errors import MachineLacks, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 25
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Completed:
    """A command that ended: its exit code and what it wrote to standard output and standard error."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class CommandFailed(OpsError):  # noqa: N818 - named as its base: what failed
    """A command ended with an exit code other than 0."""

    def __init__(self, completed: Completed) -> None:
        """Show the command and the end of what it said."""
        said = (completed.stderr or completed.stdout).strip().splitlines()[-TAIL_LINES:]
        super().__init__("\n    ".join([f"`{shlex.join(completed.argv)}` ended with {completed.code}:", *said]))
        self.completed = completed


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    deadline: float = 600.0,
    on_line: Callable[[str], None] | None = None,
    check: bool = True,
) -> Completed:
    """Run a command to its end.

    The command has a session of its own, so that Ctrl-C reaches this process alone, which then ends it in order.

    Args:
        argv: the command and its arguments.
        cwd: the folder it runs in.
        environ: its environment; ours if not given.
        deadline: seconds after which it is ended.
        on_line: called with each line of standard error (where Docker's tools say how far they are).
        check: whether an exit code other than 0 is an error.

    Raises:
        MachineLacks: there is no such command.
        CommandFailed: it failed and `check` is set.
        OpsError: the deadline passed.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(environ) if environ is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise MachineLacks(
            f"there is no `{argv[0]}` on this machine",
            "install it with: python3 scripts/bootstrap.py --with-docker invoke doctor",
        ) from error
    try:
        stdout, stderr = _collect(process, time.monotonic() + deadline, on_line)
    except TimeoutError as error:
        _end(process)
        raise OpsError(f"`{shlex.join(argv)}` did not end within {deadline:.0f} s") from error
    except BaseException:
        _end(process)
        raise
    completed = Completed(tuple(argv), process.returncode, stdout, stderr)
    if check and completed.code != 0:
        raise CommandFailed(completed)
    return completed


def _collect(process: subprocess.Popen[str], until: float, on_line: Callable[[str], None] | None) -> tuple[str, str]:
    lines: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
    for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
        threading.Thread(target=_read, args=(name, stream, lines), daemon=True).start()
    kept: dict[str, list[str]] = {"stdout": [], "stderr": []}
    open_streams = 2
    while open_streams:
        remaining = until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        try:
            name, line = lines.get(timeout=min(remaining, 1.0))
        except queue.Empty:
            continue
        if line is None:
            open_streams -= 1
            continue
        kept[name].append(line)
        if on_line is not None and name == "stderr":
            on_line(line.rstrip())
    process.wait(timeout=max(until - time.monotonic(), 1.0))
    return "".join(kept["stdout"]), "".join(kept["stderr"])


def _read(name: str, stream: object, lines: queue.SimpleQueue[tuple[str, str | None]]) -> None:
    for line in stream:  # type: ignore[attr-defined]  # a text stream of Popen
        lines.put((name, line))
    lines.put((name, None))


def _end(process: subprocess.Popen[str]) -> None:
    """End a command and what it started: SIGTERM to its session, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
