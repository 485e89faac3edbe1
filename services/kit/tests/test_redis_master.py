"""Finding the master and following it, against sentinels that are made up."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_kit.redis.follow import Follower
from optimus_kit.redis.master import Master
from optimus_kit.redis.sentinels import Address, choose

OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)
ADDRESSES = st.sampled_from([OLD, NEW, ("10.0.0.3", 6379)])


@given(st.lists(ADDRESSES, max_size=5), st.none() | ADDRESSES)
def test_the_choice_is_the_most_named_address_and_a_suspect_only_without_an_equal(
    answers: list[Address], suspect: Any
) -> None:
    chosen = choose(answers, suspect)
    votes = Counter(answers)
    most = {address for address, count in votes.items() if count == max(votes.values())}
    assert chosen in (most - {suspect} or most) or (chosen is None and not answers)


class FakeSentinels:
    """Name one address, and tell news when they are given some."""

    def __init__(self, named: Address | None) -> None:
        self.named = named
        self.asked = 0
        self.tell: Callable[[Address], None] | None = None

    async def ask(self, _suspect: Address | None) -> Address | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.named

    async def listen(self, tell: Callable[[Address], None]) -> None:
        self.tell = tell
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """There is nothing to close."""


async def yes(_address: Address) -> bool:
    return True


def master_of(sentinels: FakeSentinels, probe: Any = yes) -> Master:
    return Master(sentinels, probe)  # type: ignore[arg-type]


async def test_many_who_ask_at_once_ask_the_sentinels_once() -> None:
    sentinels = FakeSentinels(OLD)
    master = master_of(sentinels)
    assert await asyncio.gather(*(master.address() for _ in range(20))) == [OLD] * 20
    assert sentinels.asked == 1
    await master.aclose()


async def test_a_server_that_is_no_master_is_not_believed_to_be_one() -> None:
    sentinels = FakeSentinels(OLD)

    async def probe(address: Address) -> bool:
        sentinels.named = NEW
        return address == NEW

    master = master_of(sentinels, probe)
    assert await master.address() == NEW
    await master.aclose()


async def test_news_of_another_master_breaks_off_what_waits_for_the_old_one() -> None:
    sentinels = FakeSentinels(OLD)
    master = master_of(sentinels)
    seen: list[Address] = []
    stuck = asyncio.Event()

    async def attempt() -> str:
        seen.append(await master.address())
        if seen[-1] == OLD:
            stuck.set()
            await asyncio.Event().wait()
        return "done"

    work = asyncio.create_task(Follower(master, 60).run(attempt))
    await stuck.wait()
    assert sentinels.tell
    sentinels.tell(NEW)
    sentinels.tell(NEW)
    assert await work == "done"
    assert seen == [OLD, NEW]
    await master.aclose()


async def test_a_failed_master_is_looked_for_anew() -> None:
    sentinels = FakeSentinels(OLD)
    master = master_of(sentinels)
    seen: list[Address] = []

    async def attempt() -> Address:
        seen.append(await master.address())
        if len(seen) == 1:
            sentinels.named = NEW
            raise RedisConnectionError("gone")
        return seen[-1]

    assert await Follower(master, 60).run(attempt) == NEW
    await master.aclose()


async def test_an_older_failure_does_not_put_a_newer_master_in_doubt() -> None:
    master = master_of(FakeSentinels(OLD))
    await master.address()
    master.moved(NEW)
    master.suspect(OLD)
    assert master.known == NEW
    await master.aclose()


@pytest.mark.parametrize("error", [RedisConnectionError("gone"), RedisTimeoutError("late")])
async def test_the_deadline_ends_the_attempts(error: Exception) -> None:
    master = master_of(FakeSentinels(OLD))
    attempts = 0

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        await master.address()
        raise error

    with pytest.raises(type(error), match=str(error)):
        await Follower(master, 0.2).run(attempt)
    assert attempts > 1
    await master.aclose()


async def test_where_nobody_is_master_the_deadline_is_told() -> None:
    master = master_of(FakeSentinels(None))
    with pytest.raises(RedisTimeoutError, match="no master answered within"):
        await Follower(master, 0.2).run(master.address)
    await master.aclose()


async def test_a_wrong_password_is_not_tried_again() -> None:
    master = master_of(FakeSentinels(OLD))
    attempts = 0

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        raise AuthenticationError("WRONGPASS")

    with pytest.raises(AuthenticationError):
        await Follower(master, 60).run(attempt)
    assert attempts == 1
    await master.aclose()


async def test_work_that_is_cancelled_ends() -> None:
    master = master_of(FakeSentinels(None))
    work = asyncio.create_task(Follower(master, 60).run(master.address))
    await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await master.aclose()
