from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import replace

import pytest
from benchmarks.clients import Clients, Kind, Mix
from benchmarks.http_client import CUT, DONE
from tests.unit.benchmarks.servers import chunked, server, whole

# Short, so that all clients begin at once.
AT_ONCE = Mix(slow_milliseconds=10)


def served(request: bytes) -> bytes:
    """Answer as ai-engine does, as far as clients look."""
    if request.startswith(b"GET /v1/models "):
        return whole(b'{"data": [{"id": "embedded"}]}', b"x-served-by: one")
    asked = json.loads(request.partition(b"\r\n\r\n")[2])
    said = json.dumps({"content": f"You said: {asked['messages'][0]['content']}"}).encode()
    if asked.get("stream"):
        return chunked(b"data: " + said + b"\n\n", DONE)
    return whole(said, b"x-served-by: one")


async def asked_of(clients: Clients, enough: int) -> Clients:
    """Let clients ask until there are enough answers, from a thread that may wait."""

    def wait() -> None:
        until = time.monotonic() + 30
        with clients:
            while len(clients.fates) < enough and time.monotonic() < until:
                clients.check()
                time.sleep(0.001)

    await asyncio.to_thread(wait)
    return clients


async def test_clients_get_every_kind_of_answer() -> None:
    mix = replace(AT_ONCE, slow=0.3)
    async with server(served) as address:
        clients = await asked_of(Clients(address, "key", mix, 3), 300)
    assert {fate.kind for fate in clients.fates} == set(Kind)
    assert all(fate.good for fate in clients.fates)
    assert {fate.served_by for fate in clients.fates} == {"one"}


async def test_failures_are_noted_and_end_nothing() -> None:
    def never_done(request: bytes) -> bytes:
        return served(request).replace(DONE, DONE.replace(b"DONE", b"MORE"))

    async with server(never_done) as address:
        clients = await asked_of(Clients(address, "key", replace(AT_ONCE, lists=0.2), 4), 40)
    failures = Counter((fate.kind.streams, fate.failure) for fate in clients.fates)
    assert set(failures) == {(False, ""), (True, CUT)}


async def test_an_answer_to_another_question_is_wrong() -> None:
    async with server(lambda _request: whole(b"You said: The word is q7-7.")) as address:
        clients = await asked_of(Clients(address, "key", replace(AT_ONCE, lists=0, quick_streams=0), 2), 4)
    assert {fate.failure for fate in clients.fates} == {"wrong answer"}


def test_a_mix_keeps_its_shares() -> None:
    dice, mix = random.Random(1), Mix()
    drawn = Counter(mix.draw(dice) for _ in range(100_000))
    posts = sum(count for kind, count in drawn.items() if kind.posts)
    slow = sum(count for kind, count in drawn.items() if kind.slow)
    assert posts / 100_000 == pytest.approx(0.5, abs=0.01)
    assert slow / posts == pytest.approx(0.03, abs=0.003)
    assert drawn[Kind.SLOW_STREAM] / slow == pytest.approx(0.5, abs=0.05)
    assert drawn[Kind.QUICK_STREAM] / (posts - slow) == pytest.approx(0.2, abs=0.01)


def test_the_same_dice_choose_the_same_again() -> None:
    first, second = random.Random(3), random.Random(3)
    assert [Mix().draw(first) for _ in range(100)] == [Mix().draw(second) for _ in range(100)]
