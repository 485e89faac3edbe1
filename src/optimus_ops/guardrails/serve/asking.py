"""Asking in another process: one that takes too long, or for which nobody waits any more, is ended.

Pings are answered meanwhile, whatever the process does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process
from mcp.server.mcpserver.exceptions import ResourceError

from optimus_ops.guardrails.serve.judging import Refusal

Answer = TypeVar("Answer")
Arguments = TypeVarTuple("Arguments")
CALL_SECONDS = 60.0
"""With the time that a call waits for its turn."""


async def in_own_process(call: Callable[..., Any], words: tuple[Any, ...], turns: CapacityLimiter) -> Any:
    """Return what a function returns in another process, which stays for the next one; cancelled, it is killed."""
    return await to_process.run_sync(call, *words, cancellable=True, limiter=turns)


@dataclass
class Asker:
    """Asks one call after the other: the process that has the facts of the repository in memory is one."""

    seconds: float = CALL_SECONDS
    run: Callable[[Callable[..., Any], tuple[Any, ...], CapacityLimiter], Awaitable[Any]] = in_own_process
    turns: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))

    async def ask(self, call: Callable[[Unpack[Arguments]], Answer | Refusal], *words: *Arguments) -> Answer:
        """Return what a function of `judging` answers.

        Raises:
            ResourceError: it refuses, takes too long, or its process ended. Clients see the message, of tools as well.
        """
        try:
            with anyio.fail_after(self.seconds):
                answer: Answer | Refusal = await self.run(call, words, self.turns)
        except TimeoutError:
            raise _error(
                f"no answer within {self.seconds:g} s", "check less at once: fewer files, a smaller diff"
            ) from None
        except BrokenWorkerProcess:
            raise _error("the process that judges ended", "call again: it starts anew") from None
        if isinstance(answer, Refusal):
            raise _error(answer.message, answer.hint)
        return answer


def _error(message: str, hint: str) -> ResourceError:
    return ResourceError(f"{message}\n→ {hint}" if hint else message)
