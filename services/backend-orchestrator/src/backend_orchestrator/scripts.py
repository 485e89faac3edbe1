"""The Lua scripts of the package, each one step that is whole or not at all.

What takes a message in is refused where memory is short. What takes it further is not: it is bounded by what was taken
in, and the queue has to get shorter for memory to be free again.
"""

from importlib.resources import files

from redis.asyncio import Redis

from backend_orchestrator import keys
from optimus_kit.redis.scripts import BoundScript, Script

_LIBRARY = "queue"


class Scripts:
    """The scripts in `lua/`, bound to one client. Redis keeps them; a Redis that lost them is given them again."""

    def __init__(self, redis: Redis) -> None:
        library = f"{keys.lua()}\n{_source(_LIBRARY)}\n"

        def script(name: str) -> BoundScript:
            return BoundScript(redis, Script.of(_source(name), library))

        self.enqueue = script("enqueue")
        self.adopt = script("adopt")
        self.adopt_waiting = script("adopt_waiting")
        self.tick = script("tick")
        self.begin = script("begin")
        self.keep = script("keep")
        self.finish = script("finish")
        self.delay = script("delay")
        self.drop = script("drop")
        self.bury = script("bury")
        self.renew = script("renew")
        self.recover = script("recover")
        self.leave = script("leave")


def _source(name: str) -> str:
    return files("backend_orchestrator").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
