"""Runs `invoke` in forks of one process that has imported what tasks import: most of a short command's time.

What a fork is not: started by the interpreter. Where that or a terminal matters, a test starts a process of its own.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

INVOKE = str(Path(sys.executable).with_name("invoke"))
MODULES = (
    "optimus_ops.commandline.program",
    "optimus_ops.doctor.tasks",
    "optimus_ops.redis.restore",
    "optimus_ops.redis.validate",
    "optimus_ops.rollout.deploy",
    "optimus_ops.rollout.down",
    "optimus_ops.rollout.scale",
    "optimus_ops.status.tasks",
)
"""What most commands import; the others import more."""
REQUEST_BYTES = 2**17


class Ended(NamedTuple):
    """A command that ended: its exit code, negative for a signal, and both outputs."""

    code: int
    out: str
    err: str


def invoke(words: tuple[str, ...], folder: Path, environ: Mapping[str, str], seconds: float) -> Ended:
    """Run `invoke` to its end.

    Raises:
        TimeoutError: It took longer than `seconds`, and was killed.
    """
    request = json.dumps({"words": words, "folder": str(folder), "environ": dict(environ)}).encode()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, closing(ours):
        with closing(theirs):
            socket.send_fds(_server(), [request], [out.fileno(), err.fileno(), theirs.fileno()])
        process = int(ours.recv(64))
        ours.settimeout(seconds)
        try:
            code = int(ours.recv(64))
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            raise
        outputs = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
        return Ended(code, *outputs)


@functools.cache
def _server() -> socket.socket:
    """Start the server; it ends when this process does, and with it our end of the connection."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with closing(theirs):
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return ours


def serve(requests: socket.socket) -> None:
    """Fork for each request until there are no more."""
    for module in MODULES:
        importlib.import_module(module)
    # `python -m` puts its folder there; the program of a virtual environment does not.
    del sys.path[0]
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _flags, _address = socket.recv_fds(requests, REQUEST_BYTES, 3)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            supervise(json.loads(request), *files)
            return
        for file in files:
            os.close(file)


def supervise(request: dict[str, object], out: int, err: int, answer: int) -> None:
    """Fork once more, for the command; answer with its number, and with its exit code when it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command == 0:
        os.close(answer)
        run(request, out, err)
    os.write(answer, str(command).encode())
    _command, status = os.waitpid(command, 0)
    os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def run(request: Mapping[str, object], out: int, err: int) -> None:
    """Be `invoke`."""
    words, folder, environ = request["words"], request["folder"], request["environ"]
    assert isinstance(words, list)
    assert isinstance(environ, dict)
    os.chdir(str(folder))
    os.environ.clear()
    os.environ.update(environ)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, max(out, err) + 1)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - both for as long as the process lasts
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = [INVOKE, *words]
    sys.exit(importlib.import_module("optimus_ops.commandline.program").main())


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
