"""The result of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ErrorKind(StrEnum):
    """Why a request failed."""

    CONNECT = "no connection"
    """Nothing was sent: the server has not acted on the request."""
    RESET = "reset"
    """The connection ended before an answer began."""
    TRUNCATED = "truncated"
    """The answer began and is incomplete."""
    TIMEOUT = "timeout"
    MALFORMED = "malformed answer"
    """Not HTTP/1.1, or more bytes than one answer."""
    STATUS = "status"
    """Refused by status; `RequestResult.status` has it."""
    WRONG = "wrong answer"
    """Complete, and not what the workload expects."""


@dataclass(frozen=True, slots=True)
class RequestResult:
    """One request and its outcome; times are seconds on the generator's clock, sizes bytes of the answer's body.

    `intended` is when it was due, `started` when a client turned to it, `ended` when its answer was complete or it had
    failed. Status 0 stands for no answer; `error` is None if the workload accepted it; headers are those that the
    endpoint keeps.
    """

    name: str
    kind: str
    intended: float
    started: float
    ended: float
    first_byte: float | None = None
    status: int = 0
    size: int = 0
    error: ErrorKind | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def latency(self) -> float:
        """Seconds from the intended start: what a user waited, however late the request was sent."""
        return self.ended - self.intended

    @property
    def delay(self) -> float:
        """Seconds by which it was sent too late, because all connections or the generator were busy."""
        return self.started - self.intended

    @property
    def outcome(self) -> str:
        """`ok`, a status, or the error."""
        if self.error is None:
            return "ok"
        return str(self.status) if self.error is ErrorKind.STATUS else self.error.value
