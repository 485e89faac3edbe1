"""The order in which tenants' requests are begun, step by step; time is a value."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.start_order import StartOrder
from optimus_kit.weights import Weights

PATIENCE = 2.0


def order(most_waiting: int = 1000, **weights: int) -> StartOrder:
    known = Weights(weights)
    return StartOrder(PATIENCE, most_waiting, lambda: known)


def begun(waiting: StartOrder, count: int) -> Counter[str]:
    """Return how many requests of each tenant are among the next ones."""
    return Counter(ticket.tenant for _ in range(count) if (ticket := waiting.next()))


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1))
def test_tenants_that_all_have_more_are_begun_by_weight(weights: dict[str, int]) -> None:
    waiting = order(**weights)
    for tenant in weights:
        for _ in range(300):
            waiting.add(tenant, 0.0)
    total = sum(weights.values())
    found = begun(waiting, 10 * total)
    assert all(abs(found[tenant] - 10 * weight) <= 1 for tenant, weight in weights.items())


def test_a_tenant_that_comes_late_is_next_but_gets_nothing_for_the_time_before() -> None:
    waiting = order()
    for _ in range(100):
        waiting.add("old", 0.0)
    assert begun(waiting, 50) == {"old": 50}
    for _ in range(100):
        waiting.add("new", 0.0)
    assert begun(waiting, 20) == {"old": 10, "new": 10}


def test_within_a_tenant_the_oldest_is_next() -> None:
    waiting = order()
    tickets = [waiting.add("a", float(number)) for number in range(3)]
    assert [waiting.next() for _ in range(4)] == [*tickets, None]


def test_a_request_is_refused_where_the_oldest_waits_for_half_of_what_one_may() -> None:
    waiting = order()
    waiting.add("a", 0.0)
    assert waiting.add("a", PATIENCE / 2) is not None
    assert waiting.add("a", PATIENCE / 2 + 0.01) is None
    assert waiting.add("b", PATIENCE / 2 + 0.01) is not None
    assert waiting.age("a", 1.5) == 1.5


def test_a_tenants_requests_are_bounded() -> None:
    waiting = order(most_waiting=2)
    assert [waiting.add("a", 0.0) is None for _ in range(3)] == [False, False, True]


def test_who_has_waited_too_long_is_taken_out() -> None:
    waiting = order()
    late, last = waiting.add("a", 0.0), waiting.add("a", 1.0)
    assert waiting.late(PATIENCE + 0.1) == [late]
    assert (len(waiting), waiting.next(), waiting.late(9.0)) == (1, last, [])


def test_who_leaves_is_begun_no_more() -> None:
    waiting = order()
    gone, stays = waiting.add("a", 0.0), waiting.add("a", 0.0)
    assert gone is not None
    waiting.remove(gone)
    waiting.remove(gone)
    assert (waiting.next(), len(waiting), "a" in waiting) == (stays, 0, False)


@given(st.integers(1, 8), st.integers(1, 5), st.lists(st.integers(0, 30), min_size=8, max_size=8))
def test_replicas_that_share_out_each_their_own_share_out_the_sum(
    replicas: int, weight: int, served: list[int]
) -> None:
    # A balancer that spreads evenly, whoever a request is for; replicas of any speed.
    each = [order(big=weight, small=1) for _ in range(replicas)]
    for number in range(replicas * 400):
        each[number % replicas].add("big" if number // replicas % 2 else "small", 0.0)
    turns = [count * (weight + 1) for count in served[:replicas]]
    found = sum((begun(replica, count) for replica, count in zip(each, turns, strict=True)), Counter[str]())
    total = sum(turns)
    assert abs(found["big"] - total * weight / (weight + 1)) <= replicas
