"""What fits is let through, what doesn't is refused with the arithmetic and what would fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.stacks import DOCUMENT, SCALABLE, stack, with_environment

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    DEFAULT_POLICY,
    BudgetPolicy,
    Capacity,
    PoolChange,
    budgets_of,
    connection_budget,
)
from optimus_ops.model.budgets import Limits, check_budgets
from optimus_ops.model.pool_sizing import fit_pool
from optimus_ops.model.pools import Pool, database_of
from optimus_ops.model.stack import Stack

MEBI = 1024**2
HOST = Capacity(max_connections=100, reserved_connections=3, memory=4096 * MEBI, cpus=2.0)
ENDLESS = Capacity(max_connections=None, reserved_connections=0, memory=2**60, cpus=4096.0)


def service(name: str, **changes: Any) -> dict[str, Any]:
    return {**DOCUMENT["services"].get(name, {"image": name, "labels": SCALABLE}), **changes}


def reserving(cores: float, mebibytes: int, **limits: Any) -> dict[str, Any]:
    reserved = {"cpus": cores, "memory": str(mebibytes * MEBI)}
    return {"resources": {"reservations": reserved, "limits": limits}}


def pooled(size: object = 5, overflow: object = 10, processes: object = 1, host: str = "postgres") -> dict[str, str]:
    return {
        "DB_HOST": host,
        "DB_POOL_SIZE": str(size),
        "DB_MAX_OVERFLOW": str(overflow),
        "WEB_CONCURRENCY": str(processes),
    }


def shop(**changes: Any) -> Stack:
    """Return a stack whose memory service has a pool of 5 + 10, and whose replicas reserve a quarter core and 128M."""
    usual = {
        "memory": service("memory", environment=pooled(), deploy=reserving(0.25, 128)),
        "ai": service("ai", deploy=reserving(0.25, 128, cpus=1.0, memory=str(384 * MEBI))),
    }
    return stack(**{**usual, **changes})


def explain(wanted: Stack, peak: Mapping[str, int], capacity: Capacity) -> str:
    return "\n".join(budget.text for budget in budgets_of(wanted, peak, capacity, DEFAULT_POLICY))


def refusal(
    wanted: Stack,
    peak: Mapping[str, int],
    requested: Mapping[str, int],
    *,
    surge: Mapping[str, int] | None = None,
    capacity: Capacity = HOST,
) -> Refused:
    with pytest.raises(Refused) as caught:
        check_budgets(wanted, peak, capacity, requested=requested, surge=surge)
    return caught.value


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


PORT = {"target": 80, "published": "8080", "protocol": "tcp"}


@pytest.mark.parametrize(
    ("other", "clash"),
    [
        (PORT, True),
        ({**PORT, "host_ip": "0.0.0.0"}, True),
        ({**PORT, "host_ip": "127.0.0.1"}, True),
        ({**PORT, "published": "8081"}, False),
        ({**PORT, "protocol": "udp"}, False),
        ({"target": 80}, False),
    ],
)
def test_two_services_cannot_publish_one_port(other: dict[str, Any], *, clash: bool) -> None:
    both = stack(one=service("one", ports=[PORT]), two=service("two", ports=[other]))
    if clash:
        assert "one and two both publish port 8080" in str(refusal(both, {"one": 1, "two": 1}, {}))
    else:
        check_budgets(both, {"one": 1, "two": 1}, HOST, requested={})
    check_budgets(both, {"one": 1, "two": 0}, HOST, requested={})


def test_two_addresses_of_the_host_may_have_the_same_port() -> None:
    both = stack(
        one=service("one", ports=[{**PORT, "host_ip": "127.0.0.1"}]),
        two=service("two", ports=[{**PORT, "host_ip": "127.0.0.2"}]),
    )
    check_budgets(both, {"one": 1, "two": 1}, HOST, requested={})


def test_a_service_with_a_fixed_port_has_one_replica_and_no_surge() -> None:
    text = str(refusal(stack(), {"nginx-lb": 2}, {"nginx-lb": 1}, surge={"nginx-lb": 1}))
    assert "nginx-lb: 2 replicas at once can't all have port 18010 of the host" in text
    assert Limits(stack(), HOST).largest({}, "nginx-lb") == 1


@pytest.mark.parametrize(("variable", "value"), [("DB_POOL_SIZE", "many"), ("DB_MAX_OVERFLOW", "-1")])
def test_a_pool_without_a_bound_is_refused(variable: str, value: str) -> None:
    endless = shop(memory=service("memory", environment={**pooled(), variable: value}))
    assert f"memory: {variable} is '{value}'" in str(refusal(endless, {"memory": 1}, {}))


def test_what_a_pool_is_not_told_is_the_services_own_default() -> None:
    untold = shop(memory=service("memory", environment={"DB_HOST": "postgres", "DB_POOL_SIZE": ""}))
    assert "1 replica x (5 pool + 10 overflow)" in explain(untold, {"memory": 1}, HOST)


def test_a_migrations_job_counts_as_one_run_whatever_its_pool() -> None:
    pooling = shop(migrations=service("migrations", environment=pooled(50)))
    assert explain(pooling, {"migrations": 1}, HOST) == explain(shop(), {"migrations": 1}, HOST)


def test_the_database_is_the_service_that_pools_name_else_the_labelled_one() -> None:
    label = {"com.optimus.database": "true"}
    alias = service("memory", environment=pooled(host="db.internal"))
    assert database_of(shop()) == "postgres"
    assert database_of(shop(memory=alias)) is None
    assert database_of(shop(memory=alias, redis=service("redis", labels=label))) == "redis"
    assert database_of(stack()) is None


def test_of_several_databases_the_labelled_one_counts() -> None:
    other = service("ai", environment=pooled(host="redis"))
    with pytest.raises(Refused, match=r"com\.optimus\.database"):
        database_of(shop(ai=other))

    labelled = shop(ai=other, postgres=service("postgres", labels={"com.optimus.database": "true"}))
    assert database_of(labelled) == "postgres"
    assert Limits(labelled, HOST).largest({"ai": 50}, "memory") == 6


def test_overflow_gives_way_before_the_pool() -> None:
    assert fit_pool(shop(), {"memory": 9}, HOST) == {"memory": {"DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "5"}}
    assert fit_pool(shop(), {"memory": 30}, HOST) == {"memory": {"DB_POOL_SIZE": "3", "DB_MAX_OVERFLOW": "0"}}


def test_a_pool_that_keeps_no_connection_lives_on_one_of_its_overflow() -> None:
    lazy = shop(memory=service("memory", environment=pooled(0, 15)), ai=service("ai", environment=pooled()))
    assert fit_pool(lazy, {"memory": 40, "ai": 10}, HOST) == {
        "memory": {"DB_POOL_SIZE": "0", "DB_MAX_OVERFLOW": "1"},
        "ai": {"DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "0"},
    }


def test_a_service_without_replicas_keeps_its_pool() -> None:
    both = shop(ai=service("ai", environment=pooled()))
    assert set(fit_pool(both, {"memory": 9}, HOST)) == {"memory"}


def test_pools_that_fit_stay() -> None:
    assert fit_pool(shop(), {"memory": 6}, HOST) == {}
    assert fit_pool(stack(), {"ai": 6}, HOST) == {}
    assert fit_pool(shop(), {"memory": 6000}, ENDLESS) == {}


def test_pools_below_one_connection_are_refused() -> None:
    with pytest.raises(Refused, match="even with the smallest pools") as caught:
        fit_pool(shop(), {"memory": 91}, HOST)
    assert "raise max_connections of postgres to at least 101" in str(caught.value)
    assert "--fit-pool" not in str(refusal(shop(), {"memory": 91}, {"memory": 91}))


def test_replicas_that_run_keep_their_pool_until_they_are_replaced() -> None:
    changes = fit_pool(shop(), {"memory": 9}, HOST, running={"memory": 2})
    assert changes == {"memory": {"DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "3"}}

    change = PoolChange({"memory": Pool(5, 3, 1)}, {"memory": 2})
    assert connection_budget(shop(), {"memory": 9}, HOST, DEFAULT_POLICY, change).text.splitlines()[:3] == [
        "database connections: 96 of 100",
        "    memory      2 replicas x (5 pool + 10 overflow)   30",
        "    memory      7 replicas x (5 pool + 3 overflow)    56",
    ]


SIZES = st.integers(0, 60)
COUNTS = st.integers(0, 40)
POOLS = st.tuples(SIZES, SIZES, st.integers(1, 4))
RESERVATIONS = st.tuples(st.integers(0, 300).map(lambda cents: cents / 100), st.integers(0, 600))


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    made = {
        name: service(name, environment=pooled(*draw(POOLS)), deploy=reserving(*draw(RESERVATIONS)))
        for name in ("memory", "ai")
    }
    return stack(**made)


CAPACITIES = st.builds(
    Capacity,
    max_connections=st.one_of(st.none(), st.integers(10, 2000)),
    reserved_connections=st.integers(0, 10),
    memory=st.integers(0, 64).map(lambda gibi: gibi * 1024 * MEBI),
    cpus=st.integers(1, 64).map(float),
    other_connections=st.integers(0, 50),
)
PEAKS = st.fixed_dictionaries({"memory": COUNTS, "ai": COUNTS, "postgres": st.just(1), "migrations": st.integers(0, 1)})


def passes(wanted: Stack, peak: Mapping[str, int], capacity: Capacity, requested: Mapping[str, int]) -> bool:
    try:
        check_budgets(wanted, peak, capacity, requested=requested)
    except Refused:
        return False
    return True


@given(stacks(), PEAKS, CAPACITIES, st.integers(0, 5))
def test_the_largest_fit_fits_and_one_more_does_not(
    wanted: Stack, peak: dict[str, int], capacity: Capacity, surge: int
) -> None:
    most = Limits(wanted, capacity).largest(peak, "memory", surge=surge)

    if most is None:
        assert passes(wanted, {**peak, "memory": 10**6}, capacity, {"memory": 10**6})
        return
    if most:
        assert passes(wanted, {**peak, "memory": most + surge}, capacity, {"memory": most})
    assert not passes(wanted, {**peak, "memory": most + 1 + surge}, capacity, {"memory": most + 1})


@given(stacks(), PEAKS, CAPACITIES, st.integers(0, 5))
def test_a_refusal_names_a_number_that_fits(
    wanted: Stack, peak: dict[str, int], capacity: Capacity, surge: int
) -> None:
    assume(peak["memory"] > surge)
    count = peak["memory"] - surge
    assume(not passes(wanted, peak, capacity, {"memory": count}))
    most = Limits(wanted, capacity).largest(peak, "memory", surge=surge)
    assert most is not None
    assert most < count
    text = str(refusal(wanted, peak, {"memory": count}, surge={"memory": surge}, capacity=capacity))
    assert (f"beside the rest: memory={most}" if most else "something else has to give") in text


@given(stacks(), PEAKS, CAPACITIES, st.fixed_dictionaries({"memory": COUNTS, "ai": COUNTS}))
def test_fitted_pools_fit(wanted: Stack, peak: dict[str, int], capacity: Capacity, running: dict[str, int]) -> None:
    roomy = Capacity(capacity.max_connections, capacity.reserved_connections, 2**60, 4096.0, capacity.other_connections)
    try:
        changes = fit_pool(wanted, peak, roomy, running=running)
    except Refused:
        smallest = {name: {"DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "0"} for name in ("memory", "ai")}
        kept = all(count == 0 for count in running.values())
        assert not kept or not passes(with_environment(wanted, smallest), peak, roomy, {})
        return
    if passes(wanted, peak, roomy, {}):
        assert changes == {}
    fitted = with_environment(wanted, changes)
    check_budgets(fitted, peak, roomy, requested={})
    for name, change in changes.items():
        before = wanted.services[name].environment
        assert int(change["DB_POOL_SIZE"]) <= int(before["DB_POOL_SIZE"])
        assert int(change["DB_MAX_OVERFLOW"]) <= int(before["DB_MAX_OVERFLOW"])
        assert int(change["DB_POOL_SIZE"]) + int(change["DB_MAX_OVERFLOW"]) >= 1
        # Overflow goes first, and entirely.
        assert change["DB_POOL_SIZE"] == before["DB_POOL_SIZE"] or change["DB_MAX_OVERFLOW"] in {"0", "1"}
