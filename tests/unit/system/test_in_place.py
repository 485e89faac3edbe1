"""Commands in this process's place, tried from outside: by signals to one process, or to its group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.alive import alive

from optimus_ops.system.in_place import run_in_place
from optimus_ops.system.wait import wait_until

CALLER = "import sys; from optimus_ops.system.in_place import run_in_place; sys.exit(run_in_place(sys.argv[1:]))"
# Takes signals for a moment after the first one, and says which came.
CHILD = """
import os, signal, sys, time
from pathlib import Path
received = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _frame: received.append(number))
Path("begun").write_text(str(os.getpid()))
while not received:
    time.sleep(0.01)
time.sleep(0.3)
Path("received").write_text(" ".join(signal.Signals(number).name for number in received))
sys.exit(7)
"""


def wait_for(found: Callable[[], bool]) -> None:
    assert wait_until(found, 60.0, poll=0.01)


@contextmanager
def called(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process, in a session and group of its own, that has run the child in its place."""
    command = [sys.executable, "-c", CALLER, sys.executable, "-c", CHILD]
    with subprocess.Popen(command, cwd=folder, start_new_session=True) as process:
        wait_for(lambda: (folder / "begun").exists() and (folder / "begun").read_text() != "")
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["process", "group"])
def test_the_command_gets_a_signal_once_and_ends_in_its_own_time(
    tmp_path: Path, number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    with called(tmp_path) as process:
        send(process.pid, number)
        assert process.wait() == 7
    assert (tmp_path / "received").read_text() == number.name


def test_ctrl_c_of_a_terminal_arrives_once(tmp_path: Path) -> None:
    spawn = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", spawn, sys.executable, "-c", CALLER, sys.executable, "-c", CHILD]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as terminal:
        assert terminal.stdin
        wait_for(lambda: (tmp_path / "begun").exists() and (tmp_path / "begun").read_text() != "")
        terminal.stdin.write(b"\x03")
        terminal.stdin.flush()
        assert terminal.wait() == 7
    assert (tmp_path / "received").read_text() == "SIGINT"


def test_what_the_command_leaves_in_its_group_is_ended(tmp_path: Path) -> None:
    ready = "trap '' INT TERM; echo $$ > left; while :; do sleep 0.1; done"
    leaves = 'sh -c "$1" & until [ -s left ]; do sleep 0.01; done'
    command = [sys.executable, "-c", CALLER, "sh", "-c", leaves, "sh", ready]
    # Without a terminal, of whose foreground group the command would be otherwise.
    assert subprocess.run(command, check=False, cwd=tmp_path, start_new_session=True).returncode == 0
    number = int((tmp_path / "left").read_text())
    wait_for(lambda: not alive(number))


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -TERM $$", 143)])
def test_the_exit_code_is_the_command_s(script: str, code: int) -> None:
    assert run_in_place(["sh", "-c", script]) == code


def test_the_output_may_go_to_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        run_in_place(["echo", "hi"], stdout=file)
    assert (tmp_path / "out").read_text() == "hi\n"
