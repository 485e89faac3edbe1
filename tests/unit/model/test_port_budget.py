"""Ports of the host: who may have which, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.model.budget_stacks import HOST, refusal, service
from tests.unit.stacks import stack

from optimus_ops.model.budgets import Limits, check_budgets

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
