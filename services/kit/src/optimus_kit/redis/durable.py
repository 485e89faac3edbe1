"""Writes that are known to be at a replica too before they count.

WAIT: https://redis.io/docs/latest/commands/wait/
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError, ResponseError

from optimus_kit.redis.follow import RefusedForNowError
from optimus_kit.redis.scripts import BoundScript
from optimus_kit.settings import Durability

if TYPE_CHECKING:
    from redis.asyncio import Redis


class NotReplicatedError(RefusedForNowError):
    """Too few replicas have the write: it may be lost if the master is. It is not undone either."""


def wait(durability: Durability) -> tuple[str, int, int]:
    """Return the WAIT that follows writes on the same connection; its answer is how many replicas have them."""
    return "WAIT", durability.replicas, round(durability.seconds * 1000)


async def run_durably(
    script: BoundScript, keys: Sequence[str], args: Sequence[str | float], durability: Durability
) -> Any:
    """Run a script and return its result once `durability` holds.

    The script may run more than once. It has to write something each time: WAIT counts what this connection wrote, and
    an earlier run may have used another one.

    Raises:
        NotReplicatedError: it may be lost.
        redis.exceptions.RedisError: the script failed, or nobody could run it.
    """
    if not durability.replicas:
        return await script(keys=keys, args=args)
    redis = script.redis

    async def attempt() -> Any:
        what = len(keys), *keys, *args
        result, replicas = await _together(redis, ("EVALSHA", script.digest, *what), wait(durability))
        for text, digest in script.script.forms:
            if not isinstance(result, NoScriptError):
                break
            # On one connection: by the next one, the master may be another that doesn't know the script either.
            load, call = ("SCRIPT LOAD", text), ("EVALSHA", digest, *what)
            loaded, result, replicas = await _together(redis, load, call, wait(durability))
            if not isinstance(loaded, ResponseError):
                script.digest = digest
        if isinstance(result, Exception):
            raise result
        if int(replicas) < durability.replicas:
            raise NotReplicatedError(f"{replicas} of {durability.replicas} replicas have the write")
        return result

    follow = getattr(redis, "follow", None)
    return await (follow(attempt) if follow else attempt())


async def _together(redis: "Redis", *commands: Sequence[Any]) -> list[Any]:
    """Send commands on one connection and return their answers, errors included."""
    async with redis.pipeline(transaction=False) as steps:
        for command in commands:
            steps.execute_command(*command)
        answers: list[Any] = await steps.execute(raise_on_error=False)
        return answers
