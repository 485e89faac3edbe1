"""Guards: what is marked ends with the block, and with the process that has the block, even by SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.alive import alive

from optimus_ops.system.guard import guarded

MARK = "OPTIMUS_TEST_OF_GUARDS"
CALLER = """
import subprocess, sys, time
from pathlib import Path
from optimus_ops.system.guard import guarded
mark, folder = sys.argv[1], Path(sys.argv[2])
with guarded(mark, commands=[["touch", str(folder / "stopped")], ["no-such-program"]], folders=[folder / "scratch"]):
    name, value = mark.split("=")
    # A process that takes no signal of its own accord, and one that it started in another session.
    script = "trap '' INT TERM HUP; setsid sleep 1000 & echo $! > other; echo $$ > own; while :; do sleep 1; done"
    subprocess.Popen(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", name: value}, cwd=folder)
    own = folder / "own"
    while not own.exists() or not own.read_text():
        time.sleep(0.01)
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("way", ["end", "terminated", "killed"])
def test_what_was_started_ends_however_the_process_does(tmp_path: Path, way: str) -> None:
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-c", CALLER, f"{MARK}={tmp_path}", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        numbers = [int((tmp_path / name).read_text()) for name in ("own", "other")]
        assert all(alive(number) for number in numbers)
        if way == "end":
            process.stdin.close()
        else:
            os.killpg(process.pid, signal.SIGKILL if way == "killed" else signal.SIGTERM)
        process.wait()
    while any(alive(number) for number in numbers) or (tmp_path / "scratch").exists():
        time.sleep(0.01)
    assert (tmp_path / "stopped").exists()


def test_processes_without_the_mark_are_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env={MARK: f"{tmp_path} of another"}) as other:
        with guarded(f"{MARK}={tmp_path}"):
            pass
        assert other.poll() is None
        other.kill()
