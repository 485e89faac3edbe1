"""The sentinels: asked for the master all at once, and listened to for the news that another one was chosen.

Protocol: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

Address = tuple[str, int]

SWITCHED = "+switch-master"
ANSWER_SECONDS = 0.5
LISTEN_AGAIN_SECONDS = 1.0

log = logging.getLogger("optimus.redis")


def choose(answers: Iterable[Address], suspect: Address | None) -> Address | None:
    """Return the address that most sentinels name; where they are even, rather one that has not just failed.

    A minority is not followed: it may be left over from before a fail-over, and name a server that still takes writes.
    """
    votes = Counter(answers)
    return max(votes, key=lambda address: (votes[address], address != suspect), default=None)


class Sentinels:
    """The sentinels of one master.

    Args:
        hosts: host and port of each.
        name: under which they know the master.
        options: user, password and the like, as for `redis.asyncio.Redis`.
    """

    def __init__(self, hosts: Sequence[Address], name: str, **options: Any) -> None:
        self._name = name
        self._clients = [
            Redis(
                host=host,
                port=port,
                decode_responses=True,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                # Whoever asks asks again; retries in here would only hold the answer of the others up.
                retry=Retry(NoBackoff(), 0),
                **options,
            )
            for host, port in hosts
        ]
        self._asked: set[asyncio.Task[Address | None]] = set()

    async def ask(self, suspect: Address | None) -> Address | None:
        """Return where the master is: as soon as a majority agrees, else what `choose` makes of all the answers."""
        waiting = {asyncio.create_task(self._ask(client)) for client in self._clients}
        self._asked |= waiting
        answers: list[Address] = []
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            # Late ones are left to end by themselves: redis-py may lose a cancellation that comes while it connects.
            self._asked -= done
            answers += [answer for task in done if (answer := task.result()) is not None]
            favourite = choose(answers, suspect)
            if favourite is not None and 2 * answers.count(favourite) > len(self._clients):
                return favourite
        return choose(answers, suspect)

    async def _ask(self, client: "Redis") -> Address | None:
        try:
            answer = await client.sentinel_get_master_addr_by_name(self._name)
        except (RedisError, OSError) as error:
            log.debug("a sentinel does not answer: %s", type(error).__name__)
            return None
        return (str(answer[0]), answer[1]) if isinstance(answer, tuple) else None

    async def listen(self, tell: Callable[[Address], None]) -> None:
        """Tell of every new master, until cancelled. What is heard from several sentinels is told several times."""
        await asyncio.gather(*(self._listen(client, tell) for client in self._clients))

    async def _listen(self, client: "Redis", tell: Callable[[Address], None]) -> None:
        while True:
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(SWITCHED)
                    async for message in channel.listen():
                        name, _, _, host, port = message["data"].split()
                        if name == self._name:
                            tell((host, int(port)))
            except (RedisError, OSError) as error:
                log.debug("a sentinel can't be listened to: %s", type(error).__name__)
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._asked:
            await asyncio.wait(self._asked)
        for client in self._clients:
            await client.aclose()
