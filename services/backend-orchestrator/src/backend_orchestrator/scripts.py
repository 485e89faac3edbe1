"""The Lua scripts of the package, each one step that is whole or not at all.

What takes a message in is refused where memory is short. What takes it further is not: it is bounded by what was taken
in, and the queue has to get shorter for memory to be free again.
"""

from importlib.resources import files

from redis.asyncio import Redis

from optimus_kit.redis.scripts import BoundScript, Script


class Scripts:
    """The scripts in `lua/`, bound to one client. Redis keeps them; a Redis that lost them is given them again."""

    def __init__(self, redis: Redis) -> None:
        def script(name: str) -> BoundScript:
            source = files("backend_orchestrator").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
            return BoundScript(redis, Script.of(source))

        self.enqueue = script("enqueue")
        self.begin = script("begin")
        self.finish = script("finish")
        self.delay = script("delay")
        self.release = script("release")
        self.bury = script("bury")
        self.renew = script("renew")
        self.leave = script("leave")
