"""Clients in a closed loop: each asks again as soon as it has its answer, and notes what became of every request."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Self

import uvloop

from benchmarks.http_client import GOOD, Line, Question
from benchmarks.http_wire import chat_request, list_request

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.http_wire import Address

SEED = 20_261_122
# A client that got an error waits so long: else those that are refused at once would crowd out everyone, and the number
# of failures would tell how fast the balancer says no.
PAUSE_SECONDS = 0.2
TIMEOUT_SECONDS = 60.0


class Kind(Enum):
    """What a request asks for."""

    QUICK = "quick"
    QUICK_STREAM = "quick stream"
    SLOW = "slow"
    SLOW_STREAM = "slow stream"
    LIST = "list of models"

    @property
    def posts(self) -> bool:
        """Whether it is a POST: one that nothing may send twice."""
        return self is not Kind.LIST

    @property
    def streams(self) -> bool:
        """Whether the answer streams."""
        return self in {Kind.QUICK_STREAM, Kind.SLOW_STREAM}

    @property
    def slow(self) -> bool:
        """Whether the answer takes the mix's long time."""
        return self in {Kind.SLOW, Kind.SLOW_STREAM}


@dataclass(frozen=True, slots=True)
class Mix:
    """What the clients ask for; shares from 0 to 1.

    Args:
        lists: share of the requests that GET the list of models; all others POST a prompt.
        slow: share of the POSTs whose answer takes long.
        slow_milliseconds: how long.
        quick_streams: share of the quick POSTs whose answer streams.
        slow_streams: share of the slow POSTs whose answer streams, its tokens spread over the time.
    """

    lists: float = 0.5
    slow: float = 0.03
    slow_milliseconds: int = 12_000
    quick_streams: float = 0.2
    slow_streams: float = 0.5

    def draw(self, dice: random.Random) -> Kind:
        """Choose what is asked next; the same dice choose the same again."""
        listed, slow, streamed = dice.random(), dice.random(), dice.random()
        if listed < self.lists:
            return Kind.LIST
        if slow < self.slow:
            return Kind.SLOW_STREAM if streamed < self.slow_streams else Kind.SLOW
        return Kind.QUICK_STREAM if streamed < self.quick_streams else Kind.QUICK


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one request.

    Args:
        kind: what it asked for.
        began: when it was sent (`time.perf_counter`, seconds).
        ended: when its answer was whole, or it had failed.
        failure: in a word or a status; empty if its answer was good.
        served_by: the replica that answered.
    """

    kind: Kind
    began: float
    ended: float
    failure: str
    served_by: str

    @property
    def good(self) -> bool:
        """Whether the answer was whole and right."""
        return self.failure == GOOD


class Clients:
    """So many clients in a thread of their own, from entering to leaving; leaving waits for every answer.

    They begin one after the other over the time of one slow request, so that from then on slow requests begin and end
    evenly and don't come in waves.

    Args:
        address: of the balancer.
        key: the tenant's.
        mix: what they ask for.
        count: how many.
    """

    def __init__(self, address: Address, key: str, mix: Mix, count: int) -> None:
        self._address = address
        self._key = key
        self._mix = mix
        self._count = count
        self._over = threading.Event()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="clients", daemon=True)
        self._list = Question(list_request(address, key), b'"embedded"')
        self.fates: list[Fate] = []
        """In the order in which they ended; it grows while the clients run."""

    @property
    def seconds_to_all(self) -> float:
        """Seconds from entering until all of them ask."""
        return self._mix.slow_milliseconds / 1000

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ask nothing more, and wait for the answers that are on their way."""
        self._over.set()
        self._thread.join()
        if value is None:
            self.check()

    def check(self) -> None:
        """Fail if the clients did: that would be an error of theirs, since failed requests are noted.

        Raises:
            RuntimeError: with what ended them.
        """
        if self._broken is not None:
            raise RuntimeError(f"the clients broke down: {self._broken!r}") from self._broken

    def _run(self) -> None:
        try:
            uvloop.run(self._all())
        except BaseException as error:  # noqa: BLE001 - told in the thread that waits for this one
            self._broken = error

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._client(number))

    async def _client(self, number: int) -> None:
        await asyncio.sleep(self.seconds_to_all * number / self._count)
        dice = random.Random(f"{SEED}-{number}")  # noqa: S311 - the same load each time is the point
        line = Line(self._address, TIMEOUT_SECONDS)
        asked = 0
        while not self._over.is_set():
            asked += 1
            kind = self._mix.draw(dice)
            question = self._question(kind, f"q{number}-{asked}")
            began = time.perf_counter()
            result = await line.ask(question)
            self.fates.append(Fate(kind, began, time.perf_counter(), result.failure, result.served_by))
            if result.failure:
                await asyncio.sleep(PAUSE_SECONDS)
        line.close()

    def _question(self, kind: Kind, word: str) -> Question:
        if kind is Kind.LIST:
            return self._list
        model = f"embedded/{self._mix.slow_milliseconds}" if kind.slow else "embedded"
        request = chat_request(self._address, self._key, f"The word is {word}.", model, stream=kind.streams)
        # The embedded model says the message again: an answer proves itself to be this question's.
        return Question(request, f" {word}.".encode(), kind.streams)
