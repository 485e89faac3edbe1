from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.breaker import Policy
from ai_engine.providers.pool import KeyPool, parse_keys


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def taken(pool: KeyPool, times: int) -> list[int]:
    keys = []
    for _ in range(times):
        key = pool.take()
        assert key is not None
        pool.succeeded(key)
        keys.append(key.index)
    return keys


def test_healthy_keys_take_turns() -> None:
    assert taken(KeyPool(["a", "b", "c"]), 6) == [0, 1, 2, 0, 1, 2]


def test_the_key_with_fewer_failures_comes_first() -> None:
    pool = KeyPool(["a", "b"])
    first = pool.take()
    assert first is not None
    pool.failed(first)
    assert taken(pool, 3) == [1, 1, 1]


def test_a_key_that_was_tried_is_not_taken_again() -> None:
    pool = KeyPool(["a", "b"])
    assert pool.take({0, 1}) is None


def test_a_paused_key_comes_back() -> None:
    clock = Clock()
    pool = KeyPool(["a"], Policy(failures=1, base=5), clock)
    key = pool.take()
    assert key is not None
    pool.failed(key, pause=30)
    assert (pool.take(), pool.wait(), pool.states()) == (None, 30.0, ("open",))
    clock.now = 30.0
    assert pool.states() == ("half-open",)
    assert pool.take() == key
    assert pool.take() is None


def test_a_key_does_not_show_its_secret() -> None:
    assert "hunter2" not in repr(KeyPool(["hunter2"]).take())


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)), st.sampled_from([",", "\n", " , ", ",\r\n"]))
def test_keys_are_read_in_order_and_once(keys: list[str], separator: str) -> None:
    assert parse_keys(separator.join(keys)) == tuple(dict.fromkeys(keys))
