from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stacks import replica, stack, state

from optimus_ops.balancer.routing import Answer, Endpoint, Known, Prober, check_routing, endpoint_of
from optimus_ops.model.stack import PublishedPort

ENDPOINT = Endpoint("127.0.0.1", 1)
SICK = Known(unwell=frozenset({"sick"}))


def in_turns(*answers: Answer) -> Callable[[Endpoint], Answer]:
    turns = itertools.cycle(answers)
    return lambda _endpoint: next(turns)


def good(name: str) -> Answer:
    return Answer(200, name)


def test_every_replica_that_answers_is_counted() -> None:
    routing = check_routing(
        "ai", ENDPOINT, {"a": "ai-1", "b": "ai-2"}, deadline=0, prober=Prober(in_turns(good("a"), good("b")))
    )
    assert routing.good
    assert routing.verdict == "all 2 answer"


def test_a_silent_replica_is_named() -> None:
    routing = check_routing("ai", ENDPOINT, {"a": "ai-1", "b": "ai-2"}, deadline=0, prober=Prober(in_turns(good("a"))))
    assert not routing.good
    assert routing.verdict == "no answer from ai-2"


def test_a_replica_that_should_be_gone_is_named() -> None:
    routing = check_routing(
        "ai", ENDPOINT, {"a": "ai-1"}, deadline=0, prober=Prober(in_turns(good("a"), good("ghost")))
    )
    assert routing.verdict == "answers from ghost, which should be gone"


def test_an_error_is_not_good_whoever_answered_before() -> None:
    routing = check_routing(
        "ai", ENDPOINT, {"a": "ai-1"}, deadline=0, prober=Prober(in_turns(good("a"), Answer(502, "")))
    )
    assert routing.verdict == "1 x 502"


def test_no_replica_is_not_good() -> None:
    assert check_routing("ai", ENDPOINT, {}, deadline=0, prober=Prober(in_turns(Answer(0, "")))).verdict.startswith(
        "no replica"
    )


def test_a_late_replica_is_waited_for() -> None:
    answers = iter([*[good("a")] * 16, *[good(name) for name in "ab" * 20]])
    routing = check_routing(
        "ai", ENDPOINT, {"a": "1", "b": "2"}, deadline=30, prober=Prober(lambda _endpoint: next(answers))
    )
    assert routing.good


def test_a_replica_that_is_busier_is_met_by_more_requests_at_once() -> None:
    at_once = threading.Semaphore(2)

    def least_connections(_endpoint: Endpoint) -> Answer:
        # As if `busy` had two WebSockets open: only the third of requests at the same time goes there.
        if not at_once.acquire(blocking=False):
            return good("busy")
        try:
            time.sleep(0.05)
            return good("idle")
        finally:
            at_once.release()

    names = {"busy": "ai-1", "idle": "ai-2"}
    assert not check_routing("ai", ENDPOINT, names, deadline=0, prober=Prober(least_connections)).good
    assert check_routing("ai", ENDPOINT, names, deadline=60, prober=Prober(least_connections)).good


def test_a_replica_that_is_known_to_serve_may_be_too_busy_to_answer() -> None:
    names = {"busy": "ai-1", "idle": "ai-2"}
    check = functools.partial(check_routing, "ai", ENDPOINT, names, deadline=0, known=Known(frozenset({"busy"})))
    assert check(prober=Prober(in_turns(good("idle")))).good
    assert not check(prober=Prober(in_turns(good("busy")))).good
    assert not check(prober=Prober(in_turns(good("idle"), good("ghost")))).good


def test_what_was_right_for_a_moment_is_asked_again_until_it_stays_right() -> None:
    # Right at first, then an address that is gone is tried again, then right for good.
    answers = iter([*[good("a")] * 3, Answer(504, ""), *[good("a")] * 10_000])
    asked: list[int] = []

    def ask(_endpoint: Endpoint) -> Answer:
        answer = next(answers)
        asked.append(answer.status)
        return answer

    assert check_routing("ai", ENDPOINT, {"a": "ai-1"}, deadline=30, settle=0.2, prober=Prober(ask)).good
    assert asked[3] == 504
    assert len(asked) > 4


@given(st.sets(st.sampled_from("abcdef"), min_size=1), st.sets(st.sampled_from("abcdef"), min_size=1))
def test_good_exactly_if_those_who_answer_are_those_expected(expected: set[str], answering: set[str]) -> None:
    names = {name: name for name in sorted(expected)}
    answers = in_turns(*(good(name) for name in sorted(answering)))
    assert check_routing("ai", ENDPOINT, names, deadline=0, prober=Prober(answers)).good == (expected == answering)


def test_the_port_is_asked_that_the_balancer_runs_with_and_not_the_one_that_is_wanted() -> None:
    bound = (PublishedPort("0.0.0.0", 9999, 443), PublishedPort("127.0.0.1", 28010, 8010))
    there = state(replica("nginx-lb", published=bound))
    assert stack().services["nginx-lb"].published[0].host_port == 18010
    assert endpoint_of(stack(), there, "ai") == Endpoint("127.0.0.1", 28010)


@pytest.mark.parametrize(("bound", "host"), [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]")])
def test_a_port_that_is_bound_to_every_address_answers_at_the_loopback_address(bound: str, host: str) -> None:
    there = state(replica("nginx-lb", published=(PublishedPort(bound, 18010, 8010),)))
    assert endpoint_of(stack(), there, "ai") == Endpoint(host, 18010)


def test_a_port_that_is_not_published_is_asked_at_the_balancer_s_own_address() -> None:
    there = state(replica("nginx-lb"))
    assert endpoint_of(stack(), there, "memory") == Endpoint("172.18.0.9", 8050)


def test_where_the_host_s_ports_are_not_reached_the_balancer_s_own_address_is_asked() -> None:
    there = state(replica("nginx-lb", published=(PublishedPort("127.0.0.1", 28010, 8010),)))
    assert endpoint_of(stack(), there, "ai", published=False) == Endpoint("172.18.0.9", 8010)


def test_failures_are_put_down_to_a_replica_that_is_known_not_to_be_well() -> None:
    answers = itertools.cycle([Answer(200, "a"), Answer(503, "sick"), Answer(0, ""), Answer(200, "b")])
    routing = check_routing(
        "ai",
        Endpoint("x", 1),
        {"a": "ai-1", "b": "ai-2", "sick": "ai-3"},
        deadline=0,
        known=SICK,
        prober=Prober(lambda _: next(answers)),
    )
    assert routing.good
    assert set(routing.excused) == {"503", "no answer"}


@pytest.mark.parametrize("bad", [Answer(503, "b"), Answer(200, "gone")])
def test_whoever_else_fails_is_told_all_the_same(bad: Answer) -> None:
    answers = itertools.cycle([Answer(200, "a"), Answer(200, "b"), bad])
    routing = check_routing(
        "ai",
        Endpoint("x", 1),
        {"a": "ai-1", "b": "ai-2", "sick": "ai-3"},
        deadline=0,
        known=SICK,
        prober=Prober(lambda _: next(answers)),
    )
    assert not routing.good


def test_one_that_is_well_has_to_answer_beside_one_that_is_not() -> None:
    routing = check_routing(
        "ai",
        Endpoint("x", 1),
        {"a": "ai-1", "b": "ai-2", "sick": "ai-3"},
        deadline=0,
        known=SICK,
        prober=Prober(lambda _: Answer(200, "a")),
    )
    assert routing.silent == ("ai-2",)
