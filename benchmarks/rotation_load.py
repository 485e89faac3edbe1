"""What clients do while a secret is rotated: requests that need every store, with the key that is current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chat import bearer, chat_request, judge_answer, list_request
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind

STORED, RECALL = "x-session-stored", "x-recall"
TIMEOUT_SECONDS = 60.0
TURNS = 60
"""After so many requests a client begins another conversation: each turn reads the whole of it."""
CHAT, LIST, MODEL = "chat", "list of models", "chat by a provider"


def rotating_endpoint(port: int) -> Endpoint:
    """Return where ai-engine is reached; results keep what it says of its stores."""
    return Endpoint("127.0.0.1", port, TIMEOUT_SECONDS, frozenset({STORED, RECALL}))


@dataclass
class GivenOut:
    """A value of the operator's file, as somebody has it who looks again when the file was replaced."""

    path: Path
    name: str
    _seen: tuple[int, int] = (0, 0)
    _value: str = field(default="", repr=False)

    def value(self) -> str:
        """Return it as it is now."""
        found = self.path.stat()
        if (found.st_ino, found.st_mtime_ns) != self._seen:
            lines = self.path.read_text("utf-8").splitlines()
            texts = (line.partition("=")[2].strip("'\"") for line in lines if line.startswith(f"{self.name}="))
            self._value = next(texts)
            self._seen = found.st_ino, found.st_mtime_ns
        return self._value


class StoreRequests:
    """Turns of conversations, which are stored in Redis and ask PostgreSQL what is remembered; and lists of models.

    Args:
        key: returns the tenant's key.
        model: that some of the turns ask for, of a provider; "" for the platform's own alone.
    """

    def __init__(self, endpoint: Endpoint, key: Callable[[], str], model: str = "") -> None:
        self._endpoint, self._key, self._model = endpoint, key, model

    def request(self, client: int, number: int) -> Request:
        """Return a request whose answer says its name; every third one is a list."""
        headers, name = bearer(self._key()), f"q{client}-{number}"
        if number % 3 == 0:
            return Request(list_request(self._endpoint, headers), name, LIST)
        provided = bool(self._model) and number % 3 == 1
        fields = {
            **headers,
            "X-Session-Id": f"client-{client}-{number // TURNS}",
            "X-Session-Durable": "true",
            "X-Recall": "true",
        }
        text, model = f"The word is {name}.", self._model if provided else "embedded"
        return Request(chat_request(self._endpoint, fields, text, model), name, MODEL if provided else CHAT)

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Expect the answer, and of a turn that it was stored; an answer without memory is a worse one, and counted."""
        if request.kind == LIST:
            return judge_answer(response, b'"embedded"', stream=False)
        # The provider says the same to everyone; the platform's own model repeats the question.
        proof = b'"1"' if request.kind == MODEL else f" {request.name}.".encode()
        wrong = judge_answer(response, proof, stream=False)
        stored = response.headers.get(STORED) != "false" and response.headers.get(RECALL) in {"used", "empty"}
        return wrong or (None if stored else ErrorKind.WRONG)
