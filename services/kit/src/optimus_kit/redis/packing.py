"""Commands put into Redis's protocol by hiredis, as redis-py's own synchronous client does it.

Its asynchronous client does so in Python: a third of the processor time of a script's call.
"""

from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection

PLAIN = (str, bytes, int, float)


class PackedByHiredis:
    """What connections inherit first; what hiredis has no form for is redis-py's matter."""

    def pack_command(self, *words: Any) -> list[bytes]:
        """Return a command in the protocol's form."""
        if not all(type(word) in PLAIN for word in words):
            return super().pack_command(*words)  # type: ignore[misc,no-any-return]  # the connection's
        # A name may be of two words: SCRIPT LOAD.
        name, *arguments = words
        return [hiredis.pack_command((*name.split(), *arguments))]


def packed(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return a kind of connection whose commands are packed by hiredis."""
    return type(kind.__name__, (PackedByHiredis, kind), {})
