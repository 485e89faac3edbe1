"""The mix of requests that clients send while the platform changes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from benchmarks.chat import bearer, chat_request, judge_answer, list_request
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind

SEED = 20_261_122


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
    """Shares from 0 to 1: lists among the requests, slow ones among the POSTs, streams among quick and among slow."""

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


class MixedRequests:
    """The workload: each client draws from the mix with dice of its own, the same in each run."""

    def __init__(self, endpoint: Endpoint, key: str, mix: Mix) -> None:
        self._endpoint = endpoint
        self._headers = bearer(key)
        self._mix = mix
        self._list = list_request(endpoint, self._headers)
        self._dice: dict[int, random.Random] = {}

    def request(self, client: int, number: int) -> Request:
        """Return a request whose answer says its name."""
        if client not in self._dice:
            self._dice[client] = random.Random(f"{SEED}-{client}")  # noqa: S311 - the same load each time
        kind, name = self._mix.draw(self._dice[client]), f"q{client}-{number}"
        if kind is Kind.LIST:
            return Request(self._list, name, kind.value)
        model = f"embedded/{self._mix.slow_milliseconds}" if kind.slow else "embedded"
        text = f"The word is {name}."
        return Request(chat_request(self._endpoint, self._headers, text, model, stream=kind.streams), name, kind.value)

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Expect the name again, which the embedded model repeats, or the list of models."""
        kind = Kind(request.kind)
        proof = f" {request.name}.".encode() if kind.posts else b'"embedded"'
        return judge_answer(response, proof, stream=kind.streams)
