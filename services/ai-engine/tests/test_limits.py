"""The gate on a real Redis: leases, and what a repeated or late call does."""

import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from ai_engine.conversations import Conversations, SessionSettings, decode_turn, encode_turn
from ai_engine.limits import ADMIT, LEASE_MS, SCRIPTS, Gate, Outcome
from ai_engine.providers.base import Turn
from ai_engine.store import Store
from optimus_kit.errors import ApiError
from optimus_kit.settings import Durability
from optimus_kit.tenancy import Tenant

ACME = Tenant("acme", "Acme", requests_per_minute=6000, burst=10, concurrent_requests=3)
SLOTS = "optimus:slots:acme"


@pytest.fixture
async def gate(redis_port: int) -> AsyncIterator[Gate]:
    store = Store(AsyncRedis(port=redis_port), SCRIPTS)
    yield Gate(store, Conversations(store, SessionSettings()))
    await store.aclose()


async def test_a_repeated_release_changes_nothing(gate: Gate, redis: "Redis") -> None:
    admission = await gate.admit(ACME, "s")
    outcome = Outcome(1, 1, 5, (Turn("user", "a"), Turn("assistant", "b")))
    assert [(await gate.release(admission, outcome)).kept for _ in range(2)] == [True, True]
    assert redis.hget("optimus:counts:acme", "requests") == "1"
    assert redis.llen("optimus:session:acme:s") == 2


async def test_a_turn_is_kept_also_where_a_fail_over_lost_the_slot(gate: Gate, redis: "Redis") -> None:
    admission = await gate.admit(ACME, "s")
    redis.delete(SLOTS)
    assert (await gate.release(admission, Outcome(1, 1, 5, (Turn("user", "a"),)))).kept
    assert redis.llen("optimus:session:acme:s") == 1


async def test_an_admission_that_is_sent_again_counts_once(redis_port: int, redis: "Redis") -> None:
    store = Store(AsyncRedis(port=redis_port), SCRIPTS)
    keys = ("optimus:rate:acme", SLOTS, "optimus:counts:acme", "")
    first, again = [await store.run(ADMIT, keys, (60, 1, 1, "slot", LEASE_MS)) for _ in range(2)]
    other = await store.run(ADMIT, keys, (60, 1, 1, "other", LEASE_MS))
    await store.aclose()
    assert (first[0], again[0], other[0]) == (0, 0, 1)
    assert again[2] == first[2]
    assert redis.zcard(SLOTS) == 1


async def test_a_turn_that_no_replica_has_is_not_taken_for_kept(redis_port: int) -> None:
    store = Store(AsyncRedis(port=redis_port), SCRIPTS, durability=Durability(1, 0.01))
    gate = Gate(store, Conversations(store, SessionSettings()))
    outcome = Outcome(1, 1, 5, (Turn("user", "a"),))
    stored = [await gate.release(await gate.admit(ACME, "s", durable=durable), outcome) for durable in (True, False)]
    await store.aclose()
    assert [one.kept for one in stored] == [False, True]


async def test_the_lease_of_a_long_request_is_renewed_and_of_a_finished_one_is_not(gate: Gate, redis: "Redis") -> None:
    long, short = await gate.admit(ACME, None), await gate.admit(ACME, None)
    await gate.release(short, Outcome())
    redis.zadd(SLOTS, {long.slot: 1})
    await gate.renew_once()
    assert redis.zrange(SLOTS, 0, -1) == [long.slot]
    till = redis.zscore(SLOTS, long.slot)
    assert isinstance(till, float)
    assert till > time.time() * 1000 + LEASE_MS / 2


async def test_a_burst_passes_and_what_is_over_it_does_not(gate: Gate) -> None:
    tenant = Tenant("acme", "Acme", requests_per_minute=1, burst=5, concurrent_requests=100)
    admitted = [await gate.admit(tenant, None) for _ in range(5)]
    remaining = [dict(admission.headers)["x-ratelimit-remaining-requests"] for admission in admitted]
    assert remaining == ["4", "3", "2", "1", "0"]
    with pytest.raises(ApiError) as refused:
        await gate.admit(tenant, None)
    assert refused.value.status == 429


async def test_a_refused_request_uses_up_nothing(gate: Gate, redis: "Redis") -> None:
    admitted = [await gate.admit(ACME, None) for _ in range(3)]
    rate = redis.get("optimus:rate:acme")
    with pytest.raises(ApiError, match="at once"):
        await gate.admit(ACME, None)
    assert redis.get("optimus:rate:acme") == rate
    await gate.release(admitted[0], Outcome())
    assert (await gate.admit(ACME, None)).tenant == ACME


@given(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(), st.none() | st.text(min_size=1)))
def test_a_turn_is_read_back(turn: Turn) -> None:
    assert decode_turn(encode_turn(turn)) == turn
