"""A provider whose answers take as long as the message says: "0.25 and what else it says" is answered after 0.25 s.

`python -m benchmarks.timed_upstream HOST PORT` serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from socket import create_connection

import uvloop
from tests.support.ports import free_ports

from benchmarks.fast_upstream import FastUpstream, head
from benchmarks.platform_under_test import ROOT


class TimedUpstream(FastUpstream):
    """One connection."""

    def on_message_complete(self) -> None:
        """Answer with the last message, once its time is over."""
        said = str(json.loads(self._body)["messages"][-1]["content"])
        self._body.clear()
        asyncio.get_running_loop().call_later(float(said.partition(" ")[0]), self._answer, said)

    def _answer(self, said: str) -> None:
        if self._transport.is_closing():
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
        document = {"id": "chatcmpl-timed", "object": "chat.completion", "created": 1, "model": "timed"}
        body = json.dumps(document | {"choices": [choice], "usage": usage}).encode()
        self._transport.write(head("application/json", f"Content-Length: {len(body)}") + body)


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(TimedUpstream, host, port, backlog=1024)
    await server.serve_forever()


@contextmanager
def timed_upstream(host: str) -> Iterator[str]:
    """Run one in a process of its own, on one of this machine's addresses; give its base URL."""
    [port] = free_ports(1)
    with subprocess.Popen([sys.executable, "-m", "benchmarks.timed_upstream", host, str(port)], cwd=ROOT) as process:
        try:
            for _ in range(200):
                with suppress(OSError), closing(create_connection((host, port), 1)):
                    break
                time.sleep(0.05)
            yield f"http://{host}:{port}/v1"
        finally:
            process.kill()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
