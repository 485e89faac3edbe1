"""What happens to a message after an attempt at answering it: a pure decision."""

from collections.abc import Callable
from dataclasses import dataclass


class AttemptError(Exception):
    """An attempt did not end in an answer; the message is the reason, free of secrets and of what was written."""


class TransientError(AttemptError):
    """It may work later: a connection refused, a 5xx, a deadline passed."""


class PermanentError(AttemptError):
    """It cannot work by trying again: the other side refused the request itself."""


class ThrottledError(AttemptError):
    """The other side is well and asks for patience; costs no attempt.

    Attributes:
        retry_after: seconds it asked for.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how far apart.

    Attributes:
        max_attempts: attempts in all; throttled ones do not count.
        base_delay: seconds before the second attempt; doubled for each further one.
        max_delay: seconds at most; a throttling side that asks for more is given more.
        max_age: seconds after which an unanswered message is given up (WhatsApp takes free-form replies for 24 h).
    """

    max_attempts: int = 5
    base_delay: float = 1.0
    max_delay: float = 60.0
    max_age: float = 86_400.0


@dataclass(frozen=True)
class RetryLater:
    """Queue it again after `delay` seconds; `counts` says whether this attempt is used up."""

    delay: float
    counts: bool
    reason: str


@dataclass(frozen=True)
class DeadLetter:
    """Give it up and keep it for a person to look at."""

    reason: str


Decision = RetryLater | DeadLetter


def decide(error: AttemptError, attempt: int, age: float, policy: RetryPolicy, jitter: Callable[[], float]) -> Decision:
    """What to do after attempt number `attempt` (from 1) failed with `error`.

    Args:
        error: how it failed.
        attempt: attempts so far, this one included.
        age: seconds since the message was queued first.
        policy: the limits.
        jitter: a random number in [0, 1), so that what failed together does not come back together.
    """
    if isinstance(error, PermanentError):
        return DeadLetter(str(error))
    if age >= policy.max_age:
        return DeadLetter(f"unanswered for {age:.0f} s; last: {error}")
    if isinstance(error, ThrottledError):
        # Never earlier than asked; the jitter goes on top.
        delay = max(error.retry_after, policy.base_delay) * (1 + jitter() / 4)
        return RetryLater(delay, counts=False, reason=str(error))
    if attempt >= policy.max_attempts:
        return DeadLetter(f"{attempt} attempts failed; last: {error}")
    return RetryLater(backoff(attempt, policy, jitter), counts=True, reason=str(error))


def backoff(attempt: int, policy: RetryPolicy, jitter: Callable[[], float]) -> float:
    """Seconds to wait after attempt number `attempt`: exponential, of which the upper half is random."""
    # The exponent is capped: 2**attempt would overflow a float long after max_delay has decided anyway.
    ceiling = min(policy.base_delay * 2.0 ** min(attempt - 1, 32), policy.max_delay)
    return ceiling * (0.5 + jitter() / 2)
