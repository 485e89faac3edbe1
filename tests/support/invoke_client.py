"""Client of `invoke_server`. As a program it stands for `invoke` in a line of a shell, and imports little."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def send(
    address: str, words: Sequence[str], folder: str, environ: Mapping[str, str], streams: Mapping[int, int]
) -> socket.socket:
    """Ask for a command; the connection then gives its process's number and, at its end, its exit code.

    Args:
        address: the server's, in the abstract namespace of Unix sockets.
        words: the words after `invoke`.
        folder: its working directory.
        environ: its whole environment.
        streams: which file each of its streams is; one that is left out is closed.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(f"\0{address}")
    request = {"words": list(words), "folder": folder, "environ": dict(environ), "streams": list(streams)}
    socket.send_fds(connection, [json.dumps(request).encode()], list(streams.values()))
    return connection


def open_streams() -> Iterator[int]:
    """Yield the numbers of this process's own streams that are open."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            continue
        yield number


if __name__ == "__main__":
    own = {number: number for number in open_streams()}
    answers = send(sys.argv[1], sys.argv[2:], str(Path.cwd()), os.environ, own)
    answers.recv(64)
    code = int(answers.recv(64))
    os._exit(code if code >= 0 else 128 - code)
