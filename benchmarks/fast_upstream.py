"""A fast OpenAI-compatible endpoint on the loopback.

`python -m benchmarks.fast_upstream PORT` serves until it is ended. Answers are made once; each token of a stream is a
chunk and a write of its own, as a model's are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast

import uvloop
from httptools import HttpRequestParser

TOKENS = 64
MODEL = "gpt-fast"
TEXT = " ".join(f"word{number}" for number in range(TOKENS))


def head(content_type: str, framing: str) -> bytes:
    """Return the head of an answer."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\nServer: fast\r\n\r\n".encode()


def whole_answer() -> bytes:
    """Return a whole completion."""
    usage = {"prompt_tokens": 9, "completion_tokens": TOKENS, "total_tokens": 9 + TOKENS}
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    document = {"id": "chatcmpl-fast", "object": "chat.completion", "created": 1, "model": MODEL}
    body = json.dumps(document | {"choices": [choice], "usage": usage}).encode()
    return head("application/json", f"Content-Length: {len(body)}") + body


def streamed_answer() -> tuple[bytes, ...]:
    """Return the writes of a streamed completion."""
    words = TEXT.split(" ")
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": word if place == 0 else f" {word}"}, None) for place, word in enumerate(words)]
    events = [json.dumps(chunk([{"index": 0, "delta": d, "finish_reason": r}])) for d, r in [*deltas, ({}, "stop")]]
    usage = {"prompt_tokens": 9, "completion_tokens": TOKENS, "total_tokens": 9 + TOKENS}
    events += [json.dumps(chunk([]) | {"usage": usage}), "[DONE]"]
    writes = [b"%x\r\n%s\r\n" % (len(data), data) for data in (f"data: {event}\n\n".encode() for event in events)]
    first, *others, last = writes
    return head("text/event-stream", "Transfer-Encoding: chunked") + first, *others, last + b"0\r\n\r\n"


def chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a chunk of a stream."""
    document = {"id": "chatcmpl-fast", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return document | {"choices": choices}


WHOLE, STREAMED = whole_answer(), streamed_answer()


class FastUpstream(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpRequestParser(self)
        self._body = bytearray()

    def data_received(self, data: bytes) -> None:
        """Parse requests."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer: a stream where the body asks for one."""
        streamed = b'"stream":true' in self._body.replace(b" ", b"")
        self._body.clear()
        if streamed:
            self._write(0)
        else:
            self._transport.write(WHOLE)

    def _write(self, place: int) -> None:
        if place < len(STREAMED) and not self._transport.is_closing():
            self._transport.write(STREAMED[place])
            asyncio.get_running_loop().call_soon(self._write, place + 1)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(FastUpstream, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
