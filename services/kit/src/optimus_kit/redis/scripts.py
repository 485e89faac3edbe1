"""Lua scripts of the state store, and what they may do when its memory is short.

The first line of a script declares it: `#!lua flags=no-cluster` for one that takes something in, which Redis refuses
as a whole, before its first command, when `maxmemory` is reached; `#!lua flags=no-cluster,allow-oom` for one that ends,
moves or counts what is bounded elsewhere. Without the line Redis checks only up to a script's first write, and not even
that if this one frees memory.

Redis before 7 takes the line for a mistake. There it is left out, and scripts that take something in begin their writes
with one that may be refused.

Flags: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from optimus_kit.redis.command_spans import record_command

_DECLARATION = re.compile(r"#!lua flags=[a-z,-]+\n")


@dataclass(frozen=True)
class Script:
    """A script that declares its flags, called by the SHA-1 digest of its text as Redis does.

    Args:
        text: what Redis is given.

    Raises:
        ValueError: the first line declares no flags.
    """

    text: str
    forms: tuple[tuple[str, str], ...] = field(init=False)
    """Text and digest: as it is, then without its declaration, for Redis before 7."""

    def __post_init__(self) -> None:
        declared = _DECLARATION.match(self.text)
        if declared is None:
            raise ValueError(f"a script's first line is `#!lua flags=…`, not {self.text.partition(chr(10))[0]!r}")
        texts = (self.text, self.text[declared.end() :])
        object.__setattr__(self, "forms", tuple((text, digest(text)) for text in texts))

    @property
    def digest(self) -> str:
        """The digest of the text."""
        return self.forms[0][1]

    @classmethod
    def of(cls, source: str, library: str = "") -> "Script":
        """Make a script of a file's text; `library` is Lua text that it uses, put behind the declaration."""
        declaration, separator, body = source.partition("\n")
        return cls(f"{declaration}{separator}{library}{body}")


def digest(text: str) -> str:
    """Return the SHA-1 by which Redis knows a script."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class BoundScript:
    """A script at one client. Redis keeps it; a Redis that lost it is given it again.

    Args:
        redis: runs it.
        script: what is run.
    """

    def __init__(self, redis: Redis, script: Script) -> None:
        self.redis = redis
        self.script = script
        self.digest = script.digest

    async def __call__(self, keys: Sequence[str] = (), args: Sequence[str | float] = ()) -> Any:
        """Run it.

        Raises:
            redis.exceptions.OutOfMemoryError: refused as a whole, for memory is short.
            redis.exceptions.RedisError: it failed.
        """
        # One span, whether Redis knew the script or had to be given it.
        return await record_command(("EVALSHA",), lambda: self._call(keys, args))

    async def _call(self, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        try:
            return await self._run(keys, args)
        except NoScriptError:
            await self._load()
            return await self._run(keys, args)

    async def _run(self, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        return await cast("Any", self.redis.evalsha(self.digest, len(keys), *keys, *cast("Any", args)))

    async def _load(self) -> None:
        """Give Redis the script, in the first of its forms that it takes.

        Raises:
            redis.exceptions.RedisError: it takes none.
        """
        *others, last = self.script.forms
        for text, digest in others:
            try:
                await cast("Any", self.redis.script_load(text))
            except ResponseError:
                continue
            self.digest = digest
            return
        await cast("Any", self.redis.script_load(last[0]))
        self.digest = last[1]
