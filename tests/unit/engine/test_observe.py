"""Containers as the engine describes them, as values."""

from __future__ import annotations

from optimus_ops.engine.parse import parse_replica
from optimus_ops.model.stack import PublishedPort


def test_ports_on_the_host_are_those_that_are_bound() -> None:
    ports = {
        "8010/tcp": [{"HostIp": "127.0.0.1", "HostPort": "28010"}, {"HostIp": "::1", "HostPort": "28010"}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "5353"}],
        "8020/tcp": None,
    }
    raw = {"Id": "a", "Name": "/shop-edge-1", "Config": {}, "State": {}, "NetworkSettings": {"Ports": ports}}
    assert parse_replica(raw, "here").published == (
        PublishedPort("127.0.0.1", 28010, 8010),
        PublishedPort("::1", 28010, 8010),
        PublishedPort("0.0.0.0", 5353, 53, "udp"),
    )
