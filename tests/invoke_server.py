"""The `invoke` command out of a process that has the library loaded: each run is a fork with streams of its own.

To start Python and load everything takes most of the time of a short command. What is about the start itself, or the
streams that Python makes then, is tested with the real program.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

CLIENT = """
import json, os, socket, sys
numbers = []
for number in range(3):
    try:
        os.fstat(number)
    except OSError:
        continue
    numbers.append(number)
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
told = {"words": sys.argv[2:], "folder": os.getcwd(), "environ": dict(os.environ), "numbers": numbers}
socket.send_fds(server, [len(text := json.dumps(told).encode()).to_bytes(4, "big")], numbers)
server.sendall(text)
status = int.from_bytes(server.recv(4), "big")
os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"""


@contextlib.contextmanager
def invoke_server(folder: Path) -> Iterator[str]:
    """Run the server; give the words that stand for `invoke` in a line of a shell."""
    client, address = folder / "client.py", folder / "invoke.socket"
    client.write_text(CLIENT)
    with subprocess.Popen([sys.executable, __file__, str(address)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield f"{sys.executable} -ISE {client} {address}"
        finally:
            process.kill()


def serve(address: str) -> None:
    """Answer one client after the other, for ever."""
    # What stands beside this file is none of a program's.
    del sys.path[0]
    package = importlib.import_module("optimus_ops")
    for module in pkgutil.walk_packages(package.__path__, "optimus_ops."):
        if module.name.endswith(("tasks", "root")):
            importlib.import_module(module.name)
    program = importlib.import_module("optimus_ops.commandline.program")
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    while True:
        client, _peer = listener.accept()
        length, descriptors, _flags, _address = socket.recv_fds(client, 4, 3)
        request = json.loads(client.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        if (child := os.fork()) == 0:
            client.close()
            listener.close()
            become(request, dict(zip(request["numbers"], descriptors, strict=True)))
            run(program.main)
        for descriptor in descriptors:
            os.close(descriptor)
        client.sendall(os.waitpid(child, 0)[1].to_bytes(4, "big"))
        client.close()


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
        stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def become(request: dict[str, Any], streams: dict[int, int]) -> None:
    """Take over a client's words, folder, variables and streams, as Python does at its start."""
    sys.argv = ["invoke", *request["words"]]
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.close(number)
        if number in streams:
            os.dup2(streams[number], number)
            os.close(streams[number])
        errors = "backslashreplace" if name == "stderr" else "strict"
        stream = open(number, "w" if number else "r", errors=errors, closefd=False) if number in streams else None  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(sys.argv[1])
