"""A command in this process's place: with its output and its signals, to its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from optimus_ops.system.signals import handled_by, in_foreground


def run_in_place(command: Sequence[str], *, stdout: BinaryIO | None = None) -> int:
    """Run a command, which may take its time after SIGINT and SIGTERM, and return its exit code, or 128 + its signal.

    In the foreground of a terminal, Ctrl-C reaches the command by itself. Elsewhere it has a process group of its own:
    who interrupts the group of this process, as `timeout` and nox do, interrupts the command once and not twice. What
    it leaves in its group is ended.
    """
    foreground = in_foreground()
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _frame: object) -> None:
        if number == signal.SIGINT and foreground:
            return
        if not started:
            early.append(number)
        for process in started:
            process.send_signal(number)

    with handled_by(forward):
        process = subprocess.Popen(list(command), stdout=stdout, process_group=None if foreground else 0)
        started.append(process)
        for number in early:
            process.send_signal(number)
        code = process.wait()
        if not foreground:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code
