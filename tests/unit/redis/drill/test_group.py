"""Which stacks may be drilled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.redis.samples import group, master, replica, server

from optimus_ops.errors import Refused
from optimus_ops.redis.containers import RedisContainer, Role
from optimus_ops.redis.drill.group import drillable, unhealthy_reason
from optimus_ops.redis.nodes import NotPermitted


def container(service: str, role: Role, drill: str = "allowed") -> RedisContainer:
    return RedisContainer(
        id=service,
        name=f"shop-{service}-1",
        service=service,
        role=role,
        status="running",
        image="redis",
        user="redis",
        hosts=("10.0.0.1",),
        port=6379,
        login="operator",
        secret="REDIS_OPERATOR_PASSWORD",
        master="mymaster",
        volumes=(),
        drill=drill,
    )


def test_a_stack_that_is_marked_may_be_drilled() -> None:
    all_of_it = (
        container("redis", "state"),
        container("redis-sentinel-1", "sentinel"),
        container("cache", "cache", ""),
    )

    assert [one.service for one in drillable(all_of_it, "shop")] == ["redis", "redis-sentinel-1"]


@pytest.mark.parametrize("mark", ["", "denied", "yes"])
def test_a_stack_that_is_not_marked_is_refused_with_the_way_to_mark_it(mark: str) -> None:
    with pytest.raises(Refused) as refused:
        drillable((container("redis", "state", mark), container("redis-sentinel-1", "sentinel")), "shop")

    assert "OPTIMUS_DRILL=allowed" in str(refused.value)
    assert "redis" in refused.value.message


def test_a_stack_without_sentinels_is_refused() -> None:
    with pytest.raises(Refused, match="no sentinels"):
        drillable((container("redis", "state"),), "shop")


def test_a_replica_that_may_not_be_promoted_yet_is_waited_for() -> None:
    healthy = group()
    last = healthy.servers[-1]
    assert not isinstance(last.replication, NotPermitted)
    waiting = replace(last, replication=replace(last.replication, priority=0))

    assert unhealthy_reason(healthy) == ""
    assert last.node.name in unhealthy_reason(group((*healthy.servers[:-1], waiting)))


def test_a_group_of_which_a_check_fails_is_unhealthy_reason() -> None:
    assert "ping" in unhealthy_reason(
        group((master(), replica("redis-2"), server("redis-3", unreachable_reason="refused")))
    )
