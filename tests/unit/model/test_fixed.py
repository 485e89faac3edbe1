"""What only one container can have: a second replica is refused in the plan, and not by the engine half-way."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import IMAGES, running, stack

from optimus_ops.errors import Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.scalable import scalable_services
from optimus_ops.model.stack import Stack
from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_scale

HERE = ObservedInputs(images=IMAGES)
FIXED: list[tuple[dict[str, Any], str]] = [
    ({"container_name": "shop-ai"}, "container_name shop-ai"),
    ({"hostname": "ai"}, "hostname ai"),
    ({"mac_address": "02:42:ac:11:00:01"}, "mac_address 02:42:ac:11:00:01"),
    ({"network_mode": "host"}, "network_mode host"),
    ({"network_mode": "service:redis"}, "network_mode service:redis"),
    ({"networks": {"optimus": {"ipv4_address": "10.0.0.9"}}}, "ipv4_address 10.0.0.9 in optimus"),
    ({"networks": {"optimus": {"ipv6_address": "fd00::9"}}}, "ipv6_address fd00::9 in optimus"),
]


def with_ai(**changes: Any) -> Stack:
    labels = {"com.optimus.scalable": "true"}
    return stack(ai={"image": "shop/ai:local", "labels": labels, "expose": ["8010"], **changes})


@pytest.mark.parametrize(("changes", "named"), FIXED)
def test_a_second_replica_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused) as refused:
        plan_scale(with_ai(**changes), running(ai=1, memory=1), ScaleRequest({"ai": 2}), HERE)
    assert f"only one container can have {named}" in refused.value.message


@pytest.mark.parametrize(("changes", "named"), FIXED)
def test_a_replacement_beside_it_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused) as refused:
        plan_deploy(with_ai(**changes), running(ai=1), RolloutSpec(("ai",), force=True), HERE)
    assert f"only one container can have {named}" in refused.value.message


def test_one_container_is_not_refused_and_started_again_rather_than_made_beside_the_former() -> None:
    plan = plan_scale(with_ai(container_name="shop-ai"), running(memory=1), ScaleRequest({"ai": 1}), HERE)
    assert [step.as_json()["replicas"] for step in plan.steps if step.kind == "start"] == [False]


def test_networks_without_a_fixed_address_are_no_obstacle() -> None:
    plan = plan_scale(
        with_ai(networks={"optimus": None, "data": {"aliases": ["ai"]}}), running(ai=1), ScaleRequest({"ai": 2}), HERE
    )
    assert plan.steps


def test_where_no_service_is_labelled_what_is_fixed_is_named_all_the_same() -> None:
    services = {"web": {"image": "shop/web:1", "container_name": "web"}, "api": {"image": "shop/api:1"}}
    wanted = parse_stack({"name": "shop", "services": services}, balancer="", migrations="")
    assert wanted.scalable == ("api",) == scalable_services(services)
    with pytest.raises(Refused, match="only one container can have container_name web"):
        plan_scale(wanted, running(), ScaleRequest({"web": 2}), HERE)
