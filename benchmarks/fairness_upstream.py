"""An LLM endpoint whose answers take a fixed time.

`python -m benchmarks.fairness_upstream PORT SECONDS` serves until it is ended. Half of the time passes before the first
token, the rest before the end: a connection is busy for all of it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvloop
from tests.support.ports import free_ports

TOKENS = 8
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def framed(event: str) -> bytes:
    """Return an event as one chunk of a chunked body."""
    content = f"data: {event}\n\n".encode()
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def token(text: str | None) -> bytes:
    """Return the event of a token; None ends the answer."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": None if text else "stop"}
    return framed(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}))


FIRST = HEAD + token("tok ")
REST = token("tok ") * (TOKENS - 1) + token(None) + framed("[DONE]") + b"0\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Answer the requests of one connection, one after the other."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(size or 0))
            for part in (FIRST, REST):
                await asyncio.sleep(seconds / 2)
                writer.write(part)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def listen(port: int, seconds: float) -> None:
    """Serve on the loopback."""
    server = await asyncio.start_server(partial(serve, seconds=seconds), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@contextmanager
def running_upstream(seconds: float) -> Iterator[str]:
    """Run one in a process of its own; give its base URL."""
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.fairness_upstream", str(port), str(seconds)])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    uvloop.run(listen(int(sys.argv[1]), float(sys.argv[2])))
