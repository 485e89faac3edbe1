import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.errors import ApiError
from optimus_kit.shares import Shares, Waited
from optimus_kit.weights import Weights


def named(*tenants: str) -> Callable[[], Weights]:
    """Return equal weights."""
    weights = Weights(dict.fromkeys(tenants, 1))
    return lambda: weights


async def taken(shares: Shares, stack: AsyncExitStack, tenant: str, count: int) -> int:
    """Take up to `count` places without waiting; return how many there were."""
    for number in range(count):
        try:
            await stack.enter_async_context(shares.place(tenant, 0))
        except ApiError as error:
            assert (error.status, error.code) in {(503, "overloaded"), (429, "tenant_queue_full")}  # noqa: PT017
            return number
    return count


@given(st.integers(2, 40), st.integers(1, 10))
async def test_whatever_the_others_take_a_tenant_has_its_share(total: int, tenants: int) -> None:
    shares = Shares(total, named("quiet", *map(str, range(1, tenants))), wait=0)
    async with AsyncExitStack() as stack:
        for name in range(1, tenants):
            await taken(shares, stack, str(name), total)
        assert await taken(shares, stack, "quiet", total) >= min(1, total // (2 * tenants))
        assert await taken(shares, stack, "quiet", total) == 0
        assert shares.used() <= total
    assert shares.used() == 0


async def test_a_tenant_alone_gets_what_the_others_shares_leave() -> None:
    shares = Shares(16, named("loud", "quiet"), wait=0)
    async with AsyncExitStack() as stack:
        assert await taken(shares, stack, "loud", 100) == 12
        assert await taken(shares, stack, "quiet", 100) == 4


async def test_who_waits_is_given_a_place_in_turn_and_the_other_tenant_at_once() -> None:
    shares = Shares(4, named("loud", "quiet"), wait=30)
    order: list[str] = []

    async def work(name: str, tenant: str) -> None:
        async with shares.place(tenant):
            order.append(name)

    async with AsyncExitStack() as stack:
        await taken(shares, stack, "loud", 3)
        waiting = [asyncio.create_task(work(name, "loud")) for name in ("first", "second")]
        await asyncio.sleep(0)
        await work("other", "quiet")
    await asyncio.gather(*waiting)
    assert order == ["other", "first", "second"]
    assert shares.used() == 0


async def test_a_wait_that_is_given_up_or_broken_off_takes_no_place() -> None:
    shares = Shares(2, named("loud"), wait=0.01)
    async with AsyncExitStack() as stack:
        await taken(shares, stack, "loud", 2)
        with pytest.raises(ApiError, match="under way"):
            await stack.enter_async_context(shares.place("loud"))
        waiting = asyncio.create_task(stack.enter_async_context(shares.place("loud", 30)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert shares.used() == 0
    async with AsyncExitStack() as stack:
        assert await taken(shares, stack, "loud", 2) == 2


async def test_only_who_has_less_than_its_share_is_told_that_all_is_taken() -> None:
    shares = Shares(2, named("loud", "quiet"), wait=0)
    async with AsyncExitStack() as stack:
        for tenant in ("loud", "quiet"):
            await stack.enter_async_context(shares.place(tenant))
        with pytest.raises(ApiError) as beyond:
            await stack.enter_async_context(shares.place("loud"))
        with pytest.raises(ApiError) as without:
            await stack.enter_async_context(shares.place("third"))
    assert (beyond.value.status, beyond.value.code) == (429, "tenant_queue_full")
    assert (without.value.status, without.value.code) == (503, "overloaded")
    assert {error.value.headers["Retry-After"] for error in (beyond, without)} == {"1"}


async def test_a_backlog_is_refused_before_anything_else_is_done_for_a_request() -> None:
    shares, told = Shares(2, named("loud"), wait=0), list[Waited]()
    shares.observed_by(lambda outcome, _seconds: told.append(outcome))
    shares.refuse_backlog("loud")
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(shares.place("loud"))
        with pytest.raises(ApiError, match="under way"):
            shares.refuse_backlog("loud")
        shares.refuse_backlog("quiet")
    assert told == [Waited.GRANTED, Waited.GRANTED, Waited.REFUSED]


async def test_each_wait_is_observed_once_with_what_it_came_to() -> None:
    shares, told = Shares(1, named("loud"), wait=30), list[Waited]()
    shares.observed_by(lambda outcome, _seconds: told.append(outcome))
    async with shares.place("a"):
        with pytest.raises(ApiError):
            await shares.place("a", 0.01).__aenter__()
        gone = asyncio.create_task(shares.place("a").__aenter__())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        with pytest.raises(ApiError):
            await shares.place("a", 0).__aenter__()
    assert told == [Waited.GRANTED, Waited.TIMED_OUT, Waited.LEFT]


async def test_a_request_that_is_refused_is_observed() -> None:
    shares, told = Shares(1, named("loud"), wait=0), list[Waited]()
    shares.observed_by(lambda outcome, _seconds: told.append(outcome))
    async with shares.place("a"):
        with pytest.raises(ApiError):
            await shares.place("a").__aenter__()
    assert told == [Waited.GRANTED, Waited.REFUSED]
