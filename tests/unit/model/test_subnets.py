"""Networks with fixed addresses beside those of other stacks."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.doctor.stack_checks import check_subnets
from optimus_ops.model.subnets import (
    Network,
    Subnet,
    SubnetProblem,
    free_subnet,
    parse_subnets,
    subnet_problems,
    wanted_networks,
)


def document(subnet: str = "10.83.64.0/24", **network: Any) -> dict[str, Any]:
    sentinel = {
        "name": "shop_sentinel",
        "ipam": {"config": [{"subnet": subnet, "ip_range": "10.83.64.128/25"}]},
        **network,
    }
    services = {"redis": {"networks": {"sentinel": {"ipv4_address": "10.83.64.11"}}}}
    networks = {"sentinel": sentinel, "plain": None}
    variables = {"sentinel": "REDIS_SUBNET_PREFIX"}
    return {"name": "shop", "services": services, "networks": networks, "x-optimus-subnets": variables}


def there(name: str, *subnets: str, project: str = "") -> Network:
    return Network(name, project, tuple(map(ip_network, subnets)))


def problems(found: dict[str, Any], *networks: Network) -> list[SubnetProblem]:
    return list(subnet_problems(wanted_networks(found), networks))


@pytest.mark.parametrize("other", ["10.83.64.0/24", "10.83.0.0/16", "10.83.64.128/26"])
def test_a_network_that_another_stack_has_is_named_with_a_free_one(other: str) -> None:
    [problem] = problems(document(), there("first_sentinel", other, project="first"), there("none"))
    assert (
        problem.found
        == f"network shop_sentinel is to have 10.83.64.0/24, and network first_sentinel of project first has {other}"
    )
    free = "10.84.0" if other.endswith("16") else "10.83.65"
    assert f"set REDIS_SUBNET_PREFIX={free} for every command of this stack" in problem.hint


def test_a_prefix_that_was_changed_names_how_the_old_network_goes() -> None:
    [problem] = problems(document("10.83.70.0/24"), there("shop_sentinel", "10.83.64.0/24", project="shop"))
    assert problem.found == "network shop_sentinel has 10.83.64.0/24, the files say 10.83.70.0/24"
    assert "invoke down --prune-network" in problem.hint
    assert "REDIS_SUBNET_PREFIX=10.83.64" in problem.hint


@pytest.mark.parametrize(
    ("found", "network"),
    [
        (document(), there("shop_sentinel", "10.83.64.0/24", project="shop")),
        (document(), there("other", "10.83.65.0/24", "fd00::/64")),
        (document(external=True), there("other", "10.83.64.0/24")),
        (document() | {"services": {}}, there("other", "10.83.64.0/24")),
        (document(ipam={}), there("other", "10.83.64.0/24")),
        (document("fd00:1::/64"), there("other", "10.83.64.0/24")),
    ],
)
def test_nothing_is_said_where_nothing_is_in_the_way(found: dict[str, Any], network: Network) -> None:
    assert not problems(found, network)


def test_a_network_of_another_project_s_files_is_set_there() -> None:
    [problem] = problems(document() | {"x-optimus-subnets": None}, there("bridge", "10.83.64.0/24"))
    assert problem.found.endswith("and network bridge has 10.83.64.0/24")
    assert problem.hint == "10.83.65.0/24 is free: set it as the network's subnet in the Compose files"


@pytest.mark.parametrize("config", [None, [], [{"subnet": "nonsense"}], [{}], ["x"], {"subnet": "10.0.0.0/24"}])
def test_what_is_no_subnet_is_left_to_the_engine(config: object) -> None:
    assert parse_subnets(config) == ()


@given(st.lists(st.integers(0, 255), max_size=40), st.integers(20, 27))
def test_what_is_called_free_overlaps_nothing(numbers: list[int], length: int) -> None:
    like = ip_network(f"10.83.64.0/{length}", strict=False)
    taken: list[Subnet] = [like, *(ip_network(f"10.83.{number}.0/24") for number in numbers)]
    free = free_subnet(like, taken)
    assert free is not None
    assert free.prefixlen == length
    assert not any(free.overlaps(other) for other in taken)


def test_doctor_fails_for_what_runs_and_warns_of_what_a_flag_adds() -> None:
    problem = SubnetProblem("taken", "take another")
    verdicts = [check_subnets([problem], []), check_subnets([], [problem]), check_subnets([], [])]
    assert [(check.verdict, check.hint) for check in verdicts] == [
        ("failed", "take another"),
        ("warning", "take another"),
        ("ok", ""),
    ]
