"""The Lua scripts of the package, each one step that is whole or not at all."""

from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript


class Scripts:
    """The scripts in `lua/`, bound to one client. Redis keeps them; a Redis that lost them is given them again."""

    def __init__(self, redis: Redis) -> None:
        def script(name: str) -> AsyncScript:
            source = files("backend_orchestrator").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
            return redis.register_script(source)

        self.enqueue = script("enqueue")
        self.begin = script("begin")
        self.finish = script("finish")
        self.delay = script("delay")
        self.release = script("release")
        self.bury = script("bury")
        self.renew = script("renew")
        self.leave = script("leave")
