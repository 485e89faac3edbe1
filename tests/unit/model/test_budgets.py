"""What fits is let through, what doesn't is refused with the arithmetic and what would fit."""

from __future__ import annotations

import re

import pytest
from tests.unit.model.budget_stacks import HOST, MEBI, explain, pooled, refusal, reserving, service, shop
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    BudgetPolicy,
    Capacity,
)
from optimus_ops.model.budgets import Limits, check_budgets


def test_connections_are_pools_times_processes_times_replicas_with_migrations_and_reserves() -> None:
    error = refusal(shop(), {"memory": 8, "postgres": 1}, {"memory": 7}, surge={"memory": 1})

    assert str(error).splitlines() == [
        "over budget in database connections: 130 of 100",
        "    memory      8 replicas x (5 pool + 10 overflow)  120",
        "    migrations  one run                                2",
        "    reserved    for superusers and privileged roles    3",
        "    operators   for people, backups and monitoring     5",
        "    together                                         130",
        "    there is    max_connections of postgres          100",
        "  the most that fits beside the rest: memory=5 (and 1 more while replicas are replaced)",
        "  let pools shrink with --fit-pool, or raise max_connections of postgres to at least 130",
    ]


def test_an_account_may_be_exactly_full() -> None:
    check_budgets(shop(), {"memory": 6}, HOST, requested={"memory": 6})


def test_every_process_has_a_pool_of_its_own() -> None:
    twice = shop(memory=service("memory", environment=pooled(processes=2)))
    assert Limits(twice, HOST).largest({}, "memory") == 3


def test_clients_of_others_take_connections_away() -> None:
    crowded = Capacity(100, 3, HOST.memory, HOST.cpus, other_connections=1)
    assert Limits(shop(), crowded).largest({}, "memory") == 5
    assert "others" in explain(shop(), {"memory": 1}, crowded)


def test_connections_are_not_judged_before_the_database_runs() -> None:
    unknown = Capacity(None, 0, HOST.memory, HOST.cpus)
    check_budgets(shop(), {"memory": 7}, unknown, requested={"memory": 7})
    assert "database connections: 112 of ?" in explain(shop(), {"memory": 7}, unknown)


def test_without_a_pool_there_is_no_account_of_connections() -> None:
    assert "connections" not in explain(stack(), {"ai": 3}, HOST)


def test_memory_is_what_replicas_reserve_and_limits_are_shown() -> None:
    text = str(refusal(shop(), {"ai": 29}, {"ai": 29}, capacity=Capacity(100, 3, 4096 * MEBI, 64.0)))

    assert "over budget in memory: 4224M of 4096M" in text
    assert "29 x 128M" in text
    assert "their limits add up to 11136M" in text
    assert "the most that fits beside the rest: ai=28\n" in text
    assert "a host with at least 4224M of memory" in text


def test_processors_may_be_promised_twice() -> None:
    check_budgets(shop(), {"ai": 16}, HOST, requested={"ai": 16})
    text = str(refusal(shop(), {"ai": 17}, {"ai": 17}))
    assert "over budget in processors: 4.25 of 4" in text
    assert "2 cores x 2" in text
    assert "a host with at least 3 cores" in text


def test_how_often_processors_are_promised_is_a_setting() -> None:
    assert Limits(shop(), HOST, BudgetPolicy(cpu_overcommit=1.0)).largest({}, "ai") == 8


def test_a_limit_above_the_host_s_cores_is_refused_as_the_engine_would() -> None:
    large = shop(ai=service("ai", deploy=reserving(0.1, 1, cpus=2.5)))
    assert "ai: one replica may use 2.5 cores, and this host has 2" in str(refusal(large, {"ai": 1}, {"ai": 1}))
    check_budgets(large, {"ai": 0, "memory": 1}, HOST, requested={"memory": 1})
    whole = shop(ai=service("ai", deploy=reserving(0.1, 1, cpus=2.0)))
    check_budgets(whole, {"ai": 1}, HOST, requested={"ai": 1})


def test_what_does_not_fit_by_itself_says_that_something_else_has_to_give() -> None:
    error = refusal(shop(), {"memory": 7, "ai": 2}, {"ai": 2})
    assert "not even ai=1 fits beside the rest: something else has to give" in str(error)


def test_where_several_are_asked_for_they_are_cut_to_the_same_number() -> None:
    text = str(refusal(shop(), {"memory": 10, "ai": 20}, {"memory": 9, "ai": 20}, surge={"memory": 1}))
    assert "  what fits: memory=5 (and 1 more while replicas are replaced), ai=5\n" in text


def test_a_smaller_surge_is_named_where_it_fits() -> None:
    text = str(refusal(shop(), {"memory": 8}, {"memory": 5}, surge={"memory": 3}))
    assert re.search(r"memory=3 \(and 3 more while replicas are replaced\), or --surge 1\b", text)


def test_what_is_there_beyond_the_request_is_a_surge() -> None:
    text = str(refusal(shop(), {"memory": 8}, {"memory": 5}))
    assert text == str(refusal(shop(), {"memory": 8}, {"memory": 5}, surge={"memory": 3}))


def test_what_is_asked_for_and_not_there_yet_needs_no_surge() -> None:
    text = str(refusal(shop(), {"memory": 8, "postgres": 1}, {"memory": 8, "ai": 1}))
    assert "the most that fits beside the rest: memory=6\n" in text
    assert "more while replicas are replaced" not in text


def test_each_budget_that_is_over_has_a_line_and_a_remedy_of_its_own() -> None:
    small = Capacity(max_connections=20, reserved_connections=3, memory=256 * MEBI, cpus=0.25)
    lines = str(refusal(shop(), {"memory": 4}, {"memory": 4}, capacity=small)).splitlines()
    assert [line for line in lines if line.startswith("over budget in")] == [
        "over budget in database connections: 70 of 20",
        "over budget in memory: 1024M of 256M",
        "over budget in processors: 1 of 0.5",
    ]
    assert lines[-3:] == [
        "  let pools shrink with --fit-pool, or raise max_connections of postgres to at least 70",
        "  reserve less (deploy.resources.reservations), or take a host with at least 1024M of memory",
        "  reserve less (deploy.resources.reservations), or take a host with at least 1 cores",
    ]


def test_a_policy_of_the_project_is_what_is_judged_and_advised_by() -> None:
    host = Capacity(max_connections=None, reserved_connections=0, memory=4096 * MEBI, cpus=0.25)
    policy = BudgetPolicy(cpu_overcommit=1)
    check_budgets(shop(), {"memory": 2}, host, requested={"memory": 2})
    with pytest.raises(Refused, match="take a host with at least 1 cores"):
        check_budgets(shop(), {"memory": 2}, host, requested={"memory": 2}, policy=policy)


def test_a_conflict_says_what_to_do_and_one_of_a_service_that_stands_still_is_none() -> None:
    large = shop(ai=service("ai", deploy=reserving(0.25, 128, cpus=3.0)))
    assert "one replica and no surge; a limit (deploy.resources.limits.cpus)" in str(
        refusal(large, {"ai": 1}, {"ai": 1})
    )
    check_budgets(large, {"memory": 1}, HOST, requested={"memory": 1})
    assert Limits(large, HOST).largest({}, "ai") == 0


def test_nothing_bounds_what_reserves_nothing() -> None:
    free = shop(ai=service("ai"))
    assert Limits(free, HOST).largest({"ai": 1}, "ai") is None
    assert Limits(shop(), HOST).largest({"memory": 1}, "memory", surge=50) == 0


def test_several_that_fit_with_one_replica_each_are_cut_to_one() -> None:
    tight = Capacity(max_connections=None, reserved_connections=0, memory=768 * MEBI, cpus=8.0)
    text = str(refusal(shop(), {"memory": 3, "ai": 3}, {"memory": 3, "ai": 3}, capacity=tight))
    assert "what fits: memory=1, ai=1" in text
    none = Capacity(max_connections=None, reserved_connections=0, memory=767 * MEBI, cpus=8.0)
    text = str(
        refusal(shop(), {"memory": 4, "ai": 3}, {"memory": 3, "ai": 3}, surge={"memory": 1, "ai": 0}, capacity=none)
    )
    assert "not even memory=1 (and 1 more while replicas are replaced), ai=1 fits beside the rest" in text


def test_all_that_is_over_is_told_at_once() -> None:
    text = str(refusal(shop(), {"memory": 7, "ai": 40}, {"ai": 40, "memory": 7}))
    assert [kind for kind in ("database connections", "memory", "processors") if f"in {kind}:" in text] == [
        "database connections",
        "memory",
        "processors",
    ]
