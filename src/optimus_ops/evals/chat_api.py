"""Asking an OpenAI-compatible endpoint for one answer: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.evals.model import Answer, Message, Unanswered
from optimus_ops.evals.platform import ModelEndpoint
from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import Answer as HttpAnswer
from optimus_ops.http.client import HttpClient, NoAnswer
from optimus_ops.secrets.value import Secret

TRIES = 4
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
MOST_BYTES = 16 * 1024**2
BAD_KEY = frozenset({401, 403})
TEMPORARY = frozenset({408, 409, 425, 429})
SERVER_ERROR = 500


class BadKey(Unanswered):
    """The endpoint does not accept the key: no case will be answered."""


@dataclass(frozen=True)
class ChatApi:
    """An endpoint.

    Args:
        client: its time-out is that of one answer.
        sleep: waits for so many seconds before another try; by default until `stop` at most.
        jitter: random numbers from 0 to 1.
    """

    endpoint: ModelEndpoint
    address: HttpAddress
    client: HttpClient
    sleep: Callable[[float], object] | None = None
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = field(default=random.SystemRandom().random)

    def ask(self, messages: Sequence[Message], tenant: str) -> Answer:
        """Return the answer; tries again where another try may help.

        Raises:
            BadKey: the key is refused.
            Unanswered: there is none.
        """
        body = {
            "model": self.endpoint.model,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
        }
        content = json.dumps(body).encode()
        key = self.endpoint.key(tenant)
        reason = ""
        for number in range(TRIES):
            try:
                started = self.clock()
                found = self.client.send(self.address, "POST", "/chat/completions", _headers(key), content)
                if found.status == 200:
                    return self._answer(found, self.clock() - started)
                reason, wait = found.status_line, self._wait(found, number)
            except NoAnswer as error:
                reason, wait = str(error), self._backoff(number)
            if wait is None or self.client.stopped:
                raise Unanswered(reason)
            if number + 1 < TRIES:
                (self.sleep or self.client.pause)(wait)
        raise Unanswered(f"{reason}, {TRIES} times")

    def stop(self) -> None:
        """Cut what is under way."""
        self.client.stop()

    def _wait(self, found: HttpAnswer, number: int) -> float | None:
        """Return the seconds to the next try; None where it would end the same way."""
        if found.status in BAD_KEY:
            raise BadKey(f"{self.address} refuses the key: {found.status_line}")
        if found.status not in TEMPORARY and found.status < SERVER_ERROR:
            return None
        # A time of day is allowed as well, and rare.
        seconds = str(found.headers.get("Retry-After", "")).strip()
        if not (seconds.isascii() and seconds.replace(".", "", 1).isdigit()):
            return self._backoff(number)
        return min(float(seconds), LONGEST_WAIT)

    def _backoff(self, number: int) -> float:
        return FIRST_WAIT * 2.0**number * (0.5 + self.jitter())

    def _answer(self, found: HttpAnswer, seconds: float) -> Answer:
        try:
            document = json.loads(found.content)
            choice = document["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason") or "stop"
            usage = document.get("usage") or {}
            read, written = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Unanswered("the answer is no chat completion") from None
        if not isinstance(text, str):
            raise Unanswered("the answer has no text")
        return Answer(text, str(reason), read, written, seconds, self.endpoint.cost(read, written))


def _headers(key: Secret | None) -> dict[str, str]:
    return {"Content-Type": "application/json", **({"Authorization": f"Bearer {key.reveal()}"} if key else {})}


def _count(usage: Any, name: str) -> int:
    found = usage.get(name, 0)
    return found if isinstance(found, int) and found >= 0 else 0
