"""A model that is a program of the project: started for a run, on this machine alone."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.http.address import HttpAddress
from optimus_ops.system.guard import guarded
from optimus_ops.system.wait import wait_until

MARK = "OPTIMUS_EVAL_PROGRAM"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
HOST = "127.0.0.1"


@contextmanager
def started(program: Sequence[str], root: Path) -> Iterator[HttpAddress]:
    """Give the address of a program that is started, and ended with the block or with this process.

    Raises:
        OpsError: it ended at once, or does not listen.
    """
    port = _free_port()
    argv = [word.replace("{port}", str(port)) for word in program]
    mark = f"{MARK}={os.getpid()}-{port}"
    environ = {**os.environ, MARK: mark.partition("=")[2], "PYTHONPATH": str(root)}
    with guarded(mark):
        process = subprocess.Popen(
            argv, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        try:
            if (
                not wait_until(lambda: process.poll() is not None or _listens(port), START_SECONDS, poll=POLL_SECONDS)
                or process.poll() is not None
            ):
                process.kill()
                _, words = process.communicate()
                raise OpsError(f"{argv[0]} did not start: {words.decode(errors='replace').strip()[-600:]}")
            yield HttpAddress("http", HOST, port, "/v1")
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr:
                process.stderr.close()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False
