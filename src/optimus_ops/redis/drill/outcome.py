"""From how far a write came, and what went wrong then, to its outcome."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from optimus_ops.redis.drill.record import Outcome

Stage = Literal["connect", "write", "replicate"]
"""Connecting, nothing is sent yet; the write was sent; the write was taken, and replicas are waited for."""


class NotReplicated(RedisError):  # noqa: N818 - what happened, in the words of the figures
    """WAIT ended before enough replicas had the write."""


class Moved(Exception):  # noqa: N818
    """The sentinels named another master while an answer of the old one was waited for."""


def outcome_of(stage: Stage, error: BaseException | None) -> tuple[Outcome, str]:
    """Return the outcome of a write, and the error in a word or two ("" without one).

    A server that answers with an error has not taken the write. Whoever answers nothing may have.

    Args:
        stage: how far it came.
        error: what went wrong there; None if nothing did.
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
    """Return an error in a word or two: the code that a server sent, else what the connection suffered."""
    if isinstance(error, NotReplicated):
        return "WAIT 0"
    if isinstance(error, Moved):
        return "moved"
    if isinstance(error, RedisError) and getattr(error, "status_code", None):
        return str(error.status_code)
    if isinstance(error, ResponseError):
        return (str(error).split() or ["error"])[0]
    if isinstance(error, TimeoutError | RedisTimeoutError | asyncio.CancelledError):
        return "timeout"
    if isinstance(error, BusyLoadingError):
        return "LOADING"
    return "connection lost"
