"""The outcome of a write: from the stage that it reached and the error that ended it."""

from __future__ import annotations

import asyncio
from typing import Literal

from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_ops.redis.drill.record import WriteOutcome

Stage = Literal["connect", "write", "replicate"]
"""Nothing is sent yet; the write was sent; it was applied, and WAIT was sent."""


class NotReplicated(RedisError):  # noqa: N818 - a condition, in the words of the report
    """WAIT ended before enough replicas had the write."""


class MasterMoved(Exception):  # noqa: N818
    """The sentinels named another master while the old one's answer was awaited."""


def write_outcome(stage: Stage, error: BaseException | None) -> tuple[WriteOutcome, str]:
    """Return the outcome of a write, and the error in a word or two ("" without one).

    A server that answers with an error has not applied the write. One that does not answer may have.
    """
    if error is None:
        return "acknowledged", ""
    word = error_word(error)
    if stage == "connect":
        return "rejected", f"no connection: {word}"
    if stage == "write" and isinstance(error, ResponseError | BusyLoadingError):
        return "rejected", word
    return "indeterminate", word


def error_word(error: BaseException) -> str:
    """Return the code that a server answered with, else what happened to the connection."""
    match error:
        case NotReplicated():
            return "WAIT 0"
        case MasterMoved():
            return "moved"
        case RedisError(status_code=str(code)) if code:
            return code
        case ResponseError():
            return (str(error).split() or ["error"])[0]
        case TimeoutError() | RedisTimeoutError() | asyncio.CancelledError():
            return "timeout"
        case BusyLoadingError():
            return "LOADING"
    return "connection lost"
