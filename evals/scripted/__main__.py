"""`python -m evals.scripted PORT`: the scripted model as an OpenAI-compatible endpoint on this machine alone."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from evals.scripted.answer import answer
from evals.scripted.instructions import Instructions


class Handler(BaseHTTPRequestHandler):
    """Answers `POST /v1/chat/completions`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Its answers are two small packets, and the second one would wait for the client's word of the first."""

    def do_POST(self) -> None:
        """Answer one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = asked["messages"]
        system = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
        text = answer(Instructions.read(system), messages)
        read, written = (len(each.split()) for each in (" ".join(each["content"] for each in messages), text))
        body = json.dumps(
            {
                "object": "chat.completion",
                "model": asked["model"],
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
                ],
                "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
