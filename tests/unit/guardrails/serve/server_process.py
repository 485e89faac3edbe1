"""A server as a process of its own: `invoke guardrails.serve`, spoken to line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASKS = "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n"
INVOKE = str(Path(sys.executable).with_name("invoke"))
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@dataclass
class ServerProcess:
    """A running server."""

    process: subprocess.Popen[bytes]

    def send(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, number: int, method: str, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.send(json.dumps(message).encode() + b"\n")

    def call(self, number: int, tool: str, **arguments: Any) -> None:
        self.ask(number, "tools/call", name=tool, arguments=arguments)

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def greet(self) -> None:
        self.ask(0, "initialize", **HELLO)
        assert self.answer()["result"]["serverInfo"]["name"] == "guardrails"
        self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def wait(self) -> int:
        return self.process.wait(60)


@contextmanager
def server_process(root: Path, *flags: str, **environ: str) -> Iterator[ServerProcess]:
    """Run a server for a checkout; it is killed at the end if it is still there."""
    (root / "tasks.py").write_text(TASKS)
    process = subprocess.Popen(
        [INVOKE, "guardrails.serve", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(root.parent / "stderr").open("wb"),
        cwd=root,
        env={**os.environ, **environ},
        start_new_session=True,
    )
    try:
        yield ServerProcess(process)
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()
        process.wait()


def alive(process: int) -> bool:
    """Tell whether a process runs."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
