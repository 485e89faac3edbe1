"""Pools of database connections: how they are read, counted and made to fit."""

from __future__ import annotations

import pytest
from tests.unit.model.budget_stacks import ENDLESS, HOST, explain, pooled, refusal, service, shop
from tests.unit.stacks import stack

from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import (
    DEFAULT_POLICY,
    PoolChange,
    connection_budget,
)
from optimus_ops.model.budgets import Limits
from optimus_ops.model.pool_sizing import fit_pool
from optimus_ops.model.pools import Pool, database_of


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
