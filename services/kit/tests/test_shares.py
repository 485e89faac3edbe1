import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.errors import ApiError
from optimus_kit.shares import Shares


async def taken(shares: Shares, stack: AsyncExitStack, tenant: str, count: int) -> int:
    """Take up to `count` places without waiting; return how many there were."""
    for number in range(count):
        try:
            await stack.enter_async_context(shares.place(tenant, 0))
        except ApiError as error:
            assert (error.status, error.code, error.headers) == (503, "overloaded", {"Retry-After": "1"})  # noqa: PT017
            return number
    return count


@given(st.integers(2, 40), st.integers(1, 10))
async def test_whatever_the_others_take_a_tenant_has_its_share(total: int, tenants: int) -> None:
    shares = Shares(total, lambda: tenants, wait=0)
    async with AsyncExitStack() as stack:
        for name in range(1, tenants):
            await taken(shares, stack, str(name), total)
        assert await taken(shares, stack, "quiet", total) >= min(1, total // (2 * tenants))
        assert await taken(shares, stack, "quiet", total) == 0
        assert shares.used() <= total
    assert shares.used() == 0


async def test_a_tenant_alone_gets_what_the_others_shares_leave() -> None:
    shares = Shares(16, lambda: 2, wait=0)
    async with AsyncExitStack() as stack:
        assert await taken(shares, stack, "loud", 100) == 12
        assert await taken(shares, stack, "quiet", 100) == 4


async def test_who_waits_is_given_a_place_in_turn_and_the_other_tenant_at_once() -> None:
    shares = Shares(4, lambda: 2, wait=30)
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
    shares = Shares(2, lambda: 1, wait=0.01)
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
