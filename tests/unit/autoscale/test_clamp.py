"""Budgets of autoscaling: the most that fits, and bounds that contradict a budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimus_ops.autoscale.clamp import ceiling_of, check_bounds
from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import MEBI, Capacity
from optimus_ops.model.budgets import Limits
from optimus_ops.model.stack import PublishedPort, Service, Stack

POOL = {"DB_HOST": "postgres", "DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "10"}
SERVICES = (
    Service("web", "web", scalable=True, reserved_cpus=0.25, reserved_memory=128 * MEBI),
    Service("memory", "memory", scalable=True, environment=POOL),
    Service("postgres", "postgres"),
)
STACK = Stack("shop", {service.name: service for service in SERVICES}, None, None)
CAPACITY = Capacity(100, 3, 24_000 * MEBI, 2)
LIMITS = Limits(STACK, CAPACITY)
WEB = ServiceSettings("web", 1, 8, 10, 7, 8)
MEMORY = ServiceSettings("memory", 1, 6, 10, 7, 8)
PLACES = {"web": "config/autoscale.yaml:3:3", "memory": "config/autoscale.yaml:9:3"}


def test_the_most_that_fits_is_told_with_the_budget_that_bounds_it() -> None:
    web = ceiling_of(LIMITS, {"web": 1, "memory": 1, "postgres": 1}, "web")
    assert (web.replicas, web.resource) == (16, "processors")
    memory = ceiling_of(LIMITS, {"web": 1, "memory": 1}, "memory")
    assert (memory.replicas, memory.resource) == (6, "database connections")
    assert "7 replicas x (5 pool + 10 overflow)" in memory.arithmetic


def test_what_nothing_bounds_has_no_ceiling() -> None:
    bare = Limits(Stack("shop", {"web": Service("web", "web", scalable=True)}, None, None), CAPACITY)
    assert ceiling_of(bare, {}, "web").replicas is None


def test_a_fixed_port_allows_one_replica() -> None:
    fixed = Service("web", "web", scalable=True, published=(PublishedPort("", 80, 80),))
    assert ceiling_of(Limits(Stack("shop", {"web": fixed}, None, None), CAPACITY), {}, "web").replicas == 1


def test_bounds_within_the_budgets_are_taken() -> None:
    check_bounds([WEB, MEMORY], LIMITS, PLACES)


def test_a_max_that_never_fits_is_refused_with_its_line_and_the_arithmetic() -> None:
    with pytest.raises(Refused) as refused:
        check_bounds([WEB, replace(MEMORY, most=9)], LIMITS, PLACES)
    assert refused.value.message.startswith("config/autoscale.yaml:9:3: memory: max 9 can never be reached: 6 fit")
    assert "7 replicas x (5 pool + 10 overflow)  105" in refused.value.message
    assert refused.value.hint == "set max to at most 6"


def test_mins_that_don_t_fit_together_are_refused() -> None:
    with pytest.raises(Refused, match="don't fit together") as refused:
        check_bounds([replace(WEB, least=17, most=17), MEMORY], LIMITS, PLACES)
    assert "17 x 0.25" in refused.value.message
