from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.breaker import Policy
from ai_engine.providers.pool import KeyPool, KeyState, parse_keys


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def pool_of(keys: list[str], policy: Policy | None = None, clock: Clock | None = None) -> KeyPool:
    return KeyPool(lambda: keys, policy, clock or Clock())


def taken(pool: KeyPool, times: int) -> list[int]:
    keys = []
    for _ in range(times):
        key = pool.take()
        assert key is not None
        pool.succeeded(key)
        keys.append(key.number - 1)
    return keys


def test_healthy_keys_take_turns() -> None:
    assert taken(pool_of(["a", "b", "c"]), 6) == [0, 1, 2, 0, 1, 2]


def test_the_key_with_fewer_failures_comes_first() -> None:
    pool = pool_of(["a", "b"])
    first = pool.take()
    assert first is not None
    pool.failed(first)
    assert taken(pool, 3) == [1, 1, 1]


def test_a_key_that_was_tried_is_not_taken_again() -> None:
    pool = pool_of(["a", "b"])
    assert pool.take({0, 1}) is None


def test_a_paused_key_comes_back() -> None:
    clock = Clock()
    pool = pool_of(["a"], Policy(failures=1, base=5), clock)
    key = pool.take()
    assert key is not None
    pool.failed(key, pause=30)
    pool.failed(key, pause=30, tenant="acme", reason="refused")
    assert (pool.take(), pool.wait(), pool.states()) == (None, 30.0, (KeyState(1, "open", "refused", 30.0),))
    clock.now = 30.0
    assert [state.state for state in pool.states()] == ["half-open"]
    assert pool.take() == key
    assert pool.take() is None


def fail(pool: KeyPool, tenant: str, times: int) -> None:
    for _ in range(times):
        key = pool.take(tenant=tenant)
        assert key is not None
        pool.failed(key, tenant=tenant, reason="timeout")


def test_what_one_tenant_makes_fail_is_closed_to_that_tenant_alone() -> None:
    pool = pool_of(["a"], Policy(failures=3, base=5), Clock())
    fail(pool, "loud", 3)
    assert pool.take(tenant="loud") is None
    assert pool.states() == (KeyState(1, "open", "timeout", 5.0, ("loud",)),)
    assert pool.wait("quiet") == 0.0
    for _ in range(20):
        key = pool.take(tenant="quiet")
        assert key is not None
        pool.succeeded(key, "quiet")
    assert pool.take(tenant="loud") is None


def test_what_fails_for_a_second_tenant_too_is_closed_to_all() -> None:
    pool = pool_of(["a"], Policy(failures=3, base=5), Clock())
    fail(pool, "loud", 3)
    fail(pool, "quiet", 1)
    assert [pool.take(tenant=name) for name in ("loud", "quiet", "third")] == [None] * 3
    assert pool.states() == (KeyState(1, "open", "timeout", 5.0),)


def test_an_old_failure_of_another_tenant_is_no_second_witness() -> None:
    clock = Clock()
    pool = pool_of(["a"], Policy(failures=3, base=5, longest=60), clock)
    fail(pool, "quiet", 1)
    clock.now = 61.0
    fail(pool, "loud", 3)
    assert pool.take(tenant="third") is not None


def test_what_is_not_the_keys_failure_is_counted_and_opens_nothing() -> None:
    pool = pool_of(["a"])
    for _ in range(10):
        key = pool.take(tenant="loud")
        assert key is not None
        pool.abandoned(key, "loud", "bad_answer")
    assert pool.states() == (KeyState(1, "closed"),)
    assert pool.failures == {(1, "bad_answer"): 10}


def test_a_key_does_not_show_its_secret() -> None:
    assert "hunter2" not in repr(pool_of(["hunter2"]).take())


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)), st.sampled_from([",", "\n", " , ", ",\r\n"]))
def test_keys_are_read_in_order_and_once(keys: list[str], separator: str) -> None:
    assert parse_keys(separator.join(keys)) == tuple(dict.fromkeys(keys))
