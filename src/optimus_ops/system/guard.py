"""What is ended when this process ends, however that happens: processes with a mark, containers, folders.

A guard is a process that waits for the end of a pipe whose other end this process alone has. So it works after SIGKILL,
too, which no process can take.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LOOKS = 50
"""How often processes with the mark are looked for: one that was just starting another may be overlooked once."""
LOOK_SECONDS = 0.02
COMMAND_SECONDS = 60.0


@contextmanager
def guarded(mark: str, *, commands: Iterable[Sequence[str]] = (), folders: Iterable[Path] = ()) -> Iterator[None]:
    """End, with the block or with this process, all processes that have `NAME=VALUE` in their environment.

    Args:
        mark: the `NAME=VALUE`.
        commands: run after that, each a minute at most; what becomes of them is not looked at.
        folders: removed at last.
    """
    work = json.dumps([mark, [list(command) for command in commands], [str(folder) for folder in folders]])
    # A session of its own: what interrupts this process has to reach this process alone.
    guard = subprocess.Popen(
        [sys.executable, "-m", "optimus_ops.system.guard", work],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert guard.stdin is not None  # noqa: S101 - opened as a pipe
    try:
        yield
    finally:
        guard.stdin.close()
        guard.wait()


def end_marked(mark: str) -> None:
    """End all processes but this one that have `NAME=VALUE` in their environment."""
    for _ in range(LOOKS):
        found = list(_marked(mark.encode()))
        for number in found:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if not found:
            return
        time.sleep(LOOK_SECONDS)


def _marked(mark: bytes) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                yield int(folder.name)


def main(words: Sequence[str]) -> None:
    """Wait for the end of standard input, then end everything."""
    mark, commands, folders = json.loads(words[0])
    sys.stdin.buffer.read()
    end_marked(mark)
    for command in commands:
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=False)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
