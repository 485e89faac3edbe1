"""Chat completions that echo what was said, as ai-engine's embedded provider does, as fast as one process can.

`python -m benchmarks.echo_upstream PORT` serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from benchmarks.fast_upstream import FastUpstream, head


class EchoUpstream(FastUpstream):
    """One connection."""

    def on_message_complete(self) -> None:
        """Answer with the last message."""
        said = json.loads(self._body or b'{"messages":[{"content":""}]}')["messages"][-1]["content"]
        self._body.clear()
        message = {"role": "assistant", "content": f"You said: {said}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
        document = {"id": "chatcmpl-echo", "object": "chat.completion", "created": 1, "model": "embedded"}
        body = json.dumps(document | {"choices": [choice], "usage": usage}).encode()
        self._transport.write(head("application/json", f"Content-Length: {len(body)}") + body)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(EchoUpstream, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
