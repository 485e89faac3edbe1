"""Which requests begin at once, which wait, and what becomes of them: in an event loop."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from optimus_kit.errors import ApiError
from optimus_kit.fair_start import FairStart, Turn
from optimus_kit.start_limits import StartLimits
from optimus_kit.weights import Weights

# Bounds of time that no slow machine comes near, in either direction.
PATIENT = StartLimits(patience=300.0, idle=60.0, least=600.0, slow=600.0, refusal=0.0)


def starts(**changes: Any) -> FairStart:
    return FairStart(Weights, replace(PATIENT, **changes))


def at_once(found: FairStart, tenant: str) -> Turn:
    turn = found.begin(tenant)
    assert turn is not None
    return turn


async def waiting(found: FairStart, tenant: str, order: list[str], name: str = "") -> None:
    """Have a request wait; note it when it begins, and end it."""
    assert found.begin(tenant) is None
    turn = await found.wait(tenant)
    order.append(name or tenant)
    turn.end()


async def test_a_tenant_that_is_alone_never_waits() -> None:
    found = starts()
    turns = [at_once(found, "loud") for _ in range(1000)]
    for turn in turns:
        turn.end()
    assert found.waiting() == 0


async def test_beside_another_tenant_one_with_requests_under_way_waits_and_one_without_does_not() -> None:
    found = starts()
    loud = at_once(found, "loud")
    quiet = at_once(found, "quiet")
    assert found.begin("loud") is None
    quiet.end()
    at_once(found, "quiet").end()
    loud.end()
    at_once(found, "loud").end()


async def test_a_tenant_is_alone_again_once_the_other_is_gone() -> None:
    found = starts(shared=0.0)
    for tenant in ("quiet", "loud", "loud"):
        at_once(found, tenant)


async def test_what_waits_begins_when_what_was_begun_has_ended() -> None:
    found, order = starts(), list[str]()
    loud, quiet = at_once(found, "loud"), at_once(found, "quiet")
    tasks = [asyncio.create_task(waiting(found, "loud", order, str(number))) for number in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert (found.waiting(), order) == (5, [])
    quiet.end()
    loud.end()
    await asyncio.gather(*tasks)
    assert (found.waiting(), order) == (0, ["0", "1", "2", "3", "4"])


async def test_tenants_that_wait_begin_in_turn() -> None:
    found, order = starts(begun=1), list[str]()
    turns = [at_once(found, tenant) for tenant in "ab"]
    tasks = [asyncio.create_task(waiting(found, tenant, order)) for tenant in "aaaabb"]
    await asyncio.sleep(0)
    for turn in turns:
        turn.end()
    await asyncio.gather(*tasks)
    assert "".join(order) == "ababaa"


async def test_a_loop_that_is_never_idle_begins_requests_nevertheless() -> None:
    found, order = starts(idle=0.0, least=0.001), list[str]()
    turns = [at_once(found, tenant) for tenant in ("loud", "quiet")]
    await waiting(found, "loud", order)
    assert order == ["loud"]
    assert len(turns) == 2


async def test_what_is_under_way_for_long_without_work_lets_others_begin() -> None:
    found, order = starts(slow=0.001), list[str]()
    turns = [at_once(found, tenant) for tenant in ("loud", "quiet")]
    await asyncio.gather(*(waiting(found, "loud", order) for _ in range(10)))
    assert (len(order), len(turns)) == (10, 2)


async def test_a_request_pauses_while_a_tenant_without_a_backlog_has_one_under_way() -> None:
    found, order = starts(), list[str]()
    loud, quiet = at_once(found, "loud"), at_once(found, "quiet")
    await loud.pause()
    backlog = asyncio.create_task(waiting(found, "loud", order))
    await asyncio.sleep(0)
    pausing = asyncio.create_task(loud.pause())
    await asyncio.sleep(0.01)
    assert not pausing.done()
    await quiet.pause()
    quiet.end()
    await pausing
    loud.end()
    await backlog


async def test_two_tenants_never_pause_for_each_other() -> None:
    found, order = starts(), list[str]()
    turns = [at_once(found, tenant) for tenant in "ab"]
    tasks = [asyncio.create_task(waiting(found, tenant, order)) for tenant in "ab"]
    await asyncio.sleep(0)
    for turn in turns:
        await turn.pause()
        turn.end()
    await asyncio.gather(*tasks)


async def test_a_pause_ends_by_itself() -> None:
    found, order = starts(least=0.001, idle=0.0, slow=0.001), list[str]()
    loud, quiet = at_once(found, "loud"), at_once(found, "quiet")
    backlog = asyncio.create_task(waiting(found, "loud", order))
    await asyncio.sleep(0)
    await loud.pause()
    for turn in (loud, quiet):
        turn.end()
    await backlog


async def test_what_would_wait_in_vain_is_refused_with_a_time_to_come_back() -> None:
    found = starts(patience=0.0, slow=0.001)
    turns = [at_once(found, tenant) for tenant in ("loud", "quiet")]
    first = asyncio.create_task(found.wait("loud"))
    await asyncio.sleep(0)
    with pytest.raises(ApiError) as refused:
        await found.wait("loud")
    assert (refused.value.status, refused.value.code) == (429, "tenant_queue_full")
    assert refused.value.headers == {"Retry-After": "1"}
    with pytest.raises(ApiError, match="under way"):
        await first
    assert (found.refusals, found.waiting(), len(turns)) == (2, 0, 2)


async def test_beyond_so_many_refusals_that_are_not_yet_told_they_are_told_at_once() -> None:
    found = starts(patience=0.0, refusal=300.0, refusals=1, idle=-1.0)
    turns = [at_once(found, tenant) for tenant in ("loud", "quiet")]
    first = asyncio.create_task(found.wait("loud"))
    await asyncio.sleep(0)
    held = asyncio.create_task(found.wait("loud"))
    await asyncio.sleep(0)
    with pytest.raises(ApiError, match="under way"):
        await found.wait("loud")
    assert not held.done()
    for task in (first, held):
        task.cancel()
    await asyncio.gather(first, held, return_exceptions=True)
    assert len(turns) == 2


async def test_who_leaves_takes_nothing_from_others() -> None:
    found, order = starts(), list[str]()
    turns = [at_once(found, tenant) for tenant in ("loud", "quiet")]
    tasks = [asyncio.create_task(waiting(found, "loud", order)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for turn in turns:
        turn.end()
        turn.end()
    assert found.waiting() == 0
    at_once(found, "loud").end()
    at_once(found, "loud")
