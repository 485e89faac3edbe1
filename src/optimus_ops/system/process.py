"""Running a command: output line by line, a deadline, and no orphan behind an interruption."""

from __future__ import annotations

import io
import os
import queue
import select
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.system.output_masking import masked

TAIL_LINES = 25
STOP_SECONDS = 10.0
CHUNK_BYTES = 1024**2
OnLine = Callable[[str], None]


@dataclass(frozen=True)
class BothStreams:
    """Gets each line of a command, in the order written; all of them count as standard error."""

    on_line: OnLine


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
        """Show the command and the end of its output."""
        tail = masked(completed.stderr or completed.stdout).strip().splitlines()[-TAIL_LINES:]
        super().__init__("\n    ".join([f"`{masked(shlex.join(completed.argv))}` ended with {completed.code}:", *tail]))
        self.completed = completed


class DeadlinePassed(OpsError):  # noqa: N818 - as above
    """A command did not end in time, and was ended."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    deadline: float = 600.0,
    on_line: OnLine | BothStreams | None = None,
    check: bool = True,
    feed: Callable[[BinaryIO], object] | None = None,
) -> Completed:
    """Run a command to its end, `deadline` seconds at most (`DeadlinePassed`); raise `CommandFailed` if it fails.

    The command has a session of its own, so that Ctrl-C reaches this process alone, which then ends it in order.
    `on_line` gets each line of standard error (where Docker's tools report progress), or of both streams, with secret
    values masked; `Completed` has the lines as they came. `feed` writes standard input, in a thread of its own. Without
    `check`, an exit code other than 0 is no error.
    """
    stderr = subprocess.STDOUT if isinstance(on_line, BothStreams) else subprocess.PIPE
    process = _started(argv, cwd, environ, fed=feed is not None, stderr=stderr)
    feeder = _Feeder(process, feed)
    try:
        take = on_line.on_line if isinstance(on_line, BothStreams) else on_line
        output, errors = _collect(process, time.monotonic() + deadline, take)
    except TimeoutError as error:
        end_session(process)
        raise DeadlinePassed(f"`{shlex.join(argv)}` did not end within {deadline:.0f} s") from error
    except BaseException:
        end_session(process)
        raise
    feeder.check()
    completed = Completed(tuple(argv), process.returncode, output, errors)
    if check and completed.code != 0:
        raise CommandFailed(completed)
    return completed


def stream(argv: Sequence[str], write: Callable[[bytes], object], *, idle_seconds: float) -> int:
    """Run a command, write its standard output somewhere as it comes, and return its exit code.

    `DeadlinePassed`: for `idle_seconds` there was no output.
    """
    process = _started(argv, None, None, stderr=subprocess.DEVNULL)
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    source, readable = process.stdout.fileno(), select.poll()
    readable.register(source)
    try:
        while readable.poll(idle_seconds * 1000):
            if chunk := os.read(source, CHUNK_BYTES):
                write(chunk)
            else:
                return process.wait(STOP_SECONDS)
        raise DeadlinePassed(f"`{shlex.join(argv)}` had no output for {idle_seconds:.0f} s")
    finally:
        if process.poll() is None:
            end_session(process)
        process.stdout.close()


def _started(
    argv: Sequence[str],
    cwd: Path | None,
    environ: Mapping[str, str] | None,
    *,
    fed: bool = False,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(environ) if environ is not None else None,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise MissingPrerequisite(
            f"there is no `{argv[0]}` on this machine",
            "install it with: python3 scripts/bootstrap.py --with-docker invoke doctor",
        ) from error


class _Feeder:
    """Writes a command's standard input; a failure ends the command, so that it never works on half an input."""

    def __init__(self, process: subprocess.Popen[bytes], feed: Callable[[BinaryIO], object] | None) -> None:
        self._error: BaseException | None = None
        if feed is not None:
            threading.Thread(target=self._write, args=(process, feed), daemon=True).start()

    def _write(self, process: subprocess.Popen[bytes], feed: Callable[[BinaryIO], object]) -> None:
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        try:
            with process.stdin as pipe:
                try:
                    feed(pipe)  # type: ignore[arg-type]  # a pipe is a stream of bytes
                except BrokenPipeError:
                    raise
                except BaseException as error:  # noqa: BLE001 - raised again by `check`
                    self._error = error
                    end_session(process)
        except BrokenPipeError:
            # The command ended early; its exit code and its output tell why.
            return

    def check(self) -> None:
        """Raise what the writing raised."""
        if self._error is not None:
            raise self._error


def _collect(process: subprocess.Popen[bytes], until: float, on_line: OnLine | None) -> tuple[str, str]:
    lines: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
    # Without a standard error of its own, the command writes it to the one pipe there is.
    pipes = (
        {"stderr": process.stdout} if process.stderr is None else {"stdout": process.stdout, "stderr": process.stderr}
    )
    for name, pipe in pipes.items():
        threading.Thread(target=_read, args=(name, pipe, lines), daemon=True).start()
    kept: dict[str, list[str]] = {"stdout": [], "stderr": []}
    open_streams = len(pipes)
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
            on_line(masked(line.rstrip()))
    try:
        process.wait(timeout=max(until - time.monotonic(), 1.0))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return "".join(kept["stdout"]), "".join(kept["stderr"])


def _read(name: str, pipe: BinaryIO, lines: queue.SimpleQueue[tuple[str, str | None]]) -> None:
    with io.TextIOWrapper(pipe, "utf-8", "replace") as text:
        for line in text:
            lines.put((name, line))
    lines.put((name, None))


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End a command that leads a session, and what it started: SIGTERM, then SIGKILL."""
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
