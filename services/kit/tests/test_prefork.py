"""Several workers behind one parent: one that dies is replaced, and one that can't start ends the service."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SERVES = """
import os, signal, sys
from optimus_kit.prefork import prefork

def work():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.write(1, f"{os.getpid()}\\n".encode())  # at once, whoever else writes
    signal.sigwait({signal.SIGTERM})
    return 0

sys.exit(prefork(2, work))
"""
NEVER_STARTS = "import sys; from optimus_kit.prefork import prefork; sys.exit(prefork(2, lambda: 3))"
FAILS = """
import sys
from optimus_kit.prefork import prefork

def work():
    raise LookupError("no such thing")

sys.exit(prefork(1, work))
"""


@contextmanager
def running(program: str) -> Iterator["subprocess.Popen[str]"]:
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def line(process: "subprocess.Popen[str]", stream: str = "stdout") -> str:
    return str(getattr(process, stream).readline()).strip()


def test_a_worker_that_dies_is_replaced_and_all_end_with_the_parent() -> None:
    with running(SERVES) as process:
        first, second = int(line(process)), int(line(process))
        os.kill(first, signal.SIGKILL)
        third = int(line(process))
        assert third not in {first, second}
        process.terminate()
        assert process.wait(60) == 0
        for worker in (second, third):
            try:
                os.kill(worker, 0)
            except ProcessLookupError:
                continue
            raise AssertionError(f"worker {worker} outlived its parent")


def test_workers_that_never_start_end_the_service_with_their_code() -> None:
    with running(NEVER_STARTS) as process:
        assert process.wait(60) == 3


def test_a_worker_that_fails_is_logged_with_its_cause() -> None:
    with running(FAILS) as process:
        while "LookupError" not in (text := line(process, "stderr")):
            assert process.poll() is None, "it ended without a word"
        assert "no such thing" in text
