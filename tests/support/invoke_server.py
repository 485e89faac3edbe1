"""Runs `invoke` in forks of one process that has imported the library: most of a short command's time.

What a fork is not: started by the interpreter. Where that or a terminal matters, a test starts the real program.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tests.support import invoke_client

INVOKE = str(Path(sys.executable).with_name("invoke"))
REQUEST_BYTES = 2**17
OF_LOCUST = "optimus_ops.loadtest.generator."
"""Modules that locust loads in a process of its own: they patch all sockets of the process that imports them."""


class Ended(NamedTuple):
    """A command that ended: its exit code, negative for a signal, and both outputs."""

    code: int
    out: str
    err: str


class Server(NamedTuple):
    """The server and its address; it ends when nobody holds the other end of its standard input."""

    process: subprocess.Popen[bytes]
    address: str


@functools.cache
def start_server() -> Server:
    """Start the one server of this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return Server(process, process.stdout.readline().decode().strip())


def shell_words() -> str:
    """Return the words that stand for `invoke` in a line of a shell."""
    return f"{sys.executable} -ISE {invoke_client.__file__} {start_server().address}"


def invoke(words: tuple[str, ...], folder: Path, environ: Mapping[str, str], seconds: float) -> Ended:
    """Run `invoke` to its end, without an input.

    Raises:
        TimeoutError: It took longer than `seconds`, and was killed.
    """
    with Path(os.devnull).open() as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = {0: nothing.fileno(), 1: out.fileno(), 2: err.fileno()}
        with closing(invoke_client.send(start_server().address, words, str(folder), environ, streams)) as answers:
            process = int(answers.recv(64))
            answers.settimeout(seconds)
            try:
                code = int(answers.recv(64))
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                raise
        outputs = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
        return Ended(code, *outputs)


def serve() -> None:
    """Fork for each request, until standard input ends."""
    # `python -m` puts its folder there; the program of a virtual environment does not.
    del sys.path[0]
    for module in pkgutil.walk_packages(importlib.import_module("optimus_ops").__path__, "optimus_ops."):
        if not module.name.startswith(OF_LOCUST):
            importlib.import_module(module.name)
    program = importlib.import_module("optimus_ops.commandline.program")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("")
        listener.listen()
        print(listener.getsockname()[1:].decode(), flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            client, _address = listener.accept()
            if os.fork() == 0:
                listener.close()
                supervise(client, program.main)
            client.close()


def supervise(client: socket.socket, main: Callable[[], None]) -> NoReturn:
    """Fork once more, for the command; answer with its number, and with its exit code when it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _flags, _address = socket.recv_fds(client, REQUEST_BYTES, 3)
    command = os.fork()
    if command == 0:
        client.close()
        become(json.loads(request), files)
        run(main)
    for file in files:
        os.close(file)
    client.send(str(command).encode())
    _command, status = os.waitpid(command, 0)
    client.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def become(request: Mapping[str, Any], files: list[int]) -> None:
    """Take over a client's words, folder, variables and streams, as Python does at its start."""
    sys.argv = [INVOKE, *request["words"]]
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None
        os.close(number)
        if number in request["streams"]:
            file = files[request["streams"].index(number)]
            os.dup2(file, number)
            os.close(file)
            errors = "backslashreplace" if name == "stderr" else "strict"
            buffering = 1 if name == "stderr" else -1
            stream = open(number, "w" if number else "r", buffering, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(main: Callable[[], None]) -> NoReturn:
    """Run a program to its end; Python's own end would walk over everything that is loaded."""
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    if not isinstance(code, int):
        print(code, file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
