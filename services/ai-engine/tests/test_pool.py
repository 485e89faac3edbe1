from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.breaker import Policy
from ai_engine.providers.pool import Key, KeyPool, KeyState, parse_keys


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


@dataclass
class Secret:
    """The keys of a pool, which change while it is used."""

    keys: tuple[str, ...]
    clock: Clock = field(default_factory=Clock)

    def pool(self) -> KeyPool:
        return KeyPool(lambda: self.keys, Policy(failures=1, base=5), self.clock)


def take(pool: KeyPool) -> Key:
    key = pool.take()
    assert key is not None
    return key


def test_a_key_that_is_taken_away_is_used_no_more_and_what_it_did_counts_nowhere() -> None:
    secret = Secret(("old", "stays"))
    pool = secret.pool()
    in_flight = take(pool)
    assert (in_flight.number, in_flight.secret) == (1, "old")
    secret.keys = ("new", "stays")
    assert {take(pool).secret for _ in range(4)} == {"new", "stays"}
    pool.failed(in_flight, pause=60, reason="key_refused")
    pool.abandoned(in_flight, reason="bad_answer")
    pool.succeeded(in_flight)
    assert [state.state for state in pool.states()] == ["closed", "closed"]
    assert not pool.failures


def test_a_key_that_stays_keeps_its_state_wherever_it_moves_and_a_new_one_begins_closed() -> None:
    secret = Secret(("a", "b"))
    pool = secret.pool()
    in_flight = take(pool)
    pool.failed(in_flight, pause=60, reason="rate_limited")
    secret.keys = ("c", "b", "a")
    assert {take(pool).secret for _ in range(4)} == {"b", "c"}
    assert [(state.key, state.state) for state in pool.states()] == [(1, "closed"), (2, "closed"), (3, "open")]
    pool.failed(in_flight, reason="timeout")
    assert pool.failures == {(1, "rate_limited"): 1, (3, "timeout"): 1}


def test_a_key_that_comes_back_begins_closed() -> None:
    secret = Secret(("a",))
    pool = secret.pool()
    pool.failed(take(pool), pause=60)
    secret.keys = ()
    assert pool.take() is None
    secret.keys = ("a",)
    assert take(pool).secret == "a"


def test_a_request_that_has_tried_a_key_tries_the_one_that_took_its_place() -> None:
    secret = Secret(("old",))
    pool = secret.pool()
    tried = {take(pool).id}
    assert pool.take(tried) is None
    secret.keys = ("new",)
    assert pool.take(tried) is not None


NAMES = st.sampled_from("abcd")


@given(st.data())
def test_whatever_happens_to_a_pool_only_keys_of_now_are_taken_and_shown(data: st.DataObject) -> None:
    secret = Secret(("a", "b"))
    pool = secret.pool()
    out: list[Key] = []
    blamed: set[str] = set()
    for _ in range(data.draw(st.integers(1, 30))):
        match data.draw(st.sampled_from(["change", "take", "fail", "work", "wait"])):
            case "change":
                secret.keys = tuple(data.draw(st.lists(NAMES, unique=True, max_size=4)))
                # What was taken away and comes back is another key.
                pool.refresh()
                blamed &= set(secret.keys)
                out = [key for key in out if key.secret in secret.keys]
            case "take":
                key = pool.take()
                if key is not None:
                    assert secret.keys[key.number - 1] == key.secret
                    out.append(key)
            case "fail" if out:
                pool.failed(out[-1], pause=1000, reason="timeout")
                blamed.add(out[-1].secret)
            case "work" if out:
                pool.succeeded(out[-1])
                blamed.discard(out[-1].secret)
            case _:
                secret.clock.now += 1
        states = pool.states()
        assert [state.key for state in states] == [*range(1, len(secret.keys) + 1)]
        assert {secret.keys[state.key - 1] for state in states if state.state != "closed"} == blamed


def test_a_key_does_not_show_its_secret() -> None:
    assert "hunter2" not in repr(pool_of(["hunter2"]).take())


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)), st.sampled_from([",", "\n", " , ", ",\r\n"]))
def test_keys_are_read_in_order_and_once(keys: list[str], separator: str) -> None:
    assert parse_keys(separator.join(keys)) == tuple(dict.fromkeys(keys))
