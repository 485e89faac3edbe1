"""Conflicts of ports on the host between replicas of one stack; `engine/start_checks.py` looks for other holders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from optimus_ops.model.stack import PublishedPort, Service, Stack
from optimus_ops.model.state import Replica

EVERY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


def fixed_ports(service: Service) -> tuple[PublishedPort, ...]:
    """Return the ports on the host that every replica of a service would want."""
    return tuple(port for port in service.published if port.host_port)


def port_conflicts(stack: Stack, peak: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence for each port that more than one replica (service -> most at once) wants."""
    services = [service for name, service in stack.services.items() if peak.get(name, 0) > 0]
    within = [
        f"{service.name}: {peak[service.name]} replicas at once can't all have port {_shown(port)} of the host"
        for service in services
        if peak[service.name] > 1
        for port in fixed_ports(service)
    ]
    between = [
        f"{first.name} and {second.name} both publish port {_shown(port)} of the host"
        for first, second in combinations(services, 2)
        for port in fixed_ports(first)
        if any(_overlap(port, other) for other in fixed_ports(second))
    ]
    return (*within, *between)


def bound_otherwise(wanted: Iterable[PublishedPort], bound: Iterable[PublishedPort]) -> str:
    """Return in a few words which ports a running container has elsewhere on the host than wanted; "" if none."""
    bound = tuple(bound)
    parts = []
    for port in wanted:
        same_target = [other for other in bound if (other.target, other.protocol) == (port.target, port.protocol)]
        if port.host_port and not any(_serves(other, port) for other in same_target):
            found = ", ".join(f"at {_address(other)}" for other in same_target) or "not published"
            parts.append(f"port {port.target} is {found}, wanted is {_address(port)}")
    return ", ".join(parts)


def _serves(bound: PublishedPort, wanted: PublishedPort) -> bool:
    everywhere = bound.host_ip in EVERY_ADDRESS and wanted.host_ip in EVERY_ADDRESS
    return bound.host_port == wanted.host_port and (everywhere or bound.host_ip == wanted.host_ip)


def _address(port: PublishedPort) -> str:
    return f"{'*' if port.host_ip in EVERY_ADDRESS else port.host_ip}:{port.host_port}"


def _overlap(port: PublishedPort, other: PublishedPort) -> bool:
    addresses = {port.host_ip, other.host_ip}
    same_address = len(addresses) == 1 or bool(addresses & EVERY_ADDRESS)
    return same_address and (port.host_port, port.protocol) == (other.host_port, other.protocol)


def _shown(port: PublishedPort) -> str:
    return f"{port.host_port}" if port.protocol == "tcp" else f"{port.host_port}/{port.protocol}"


def published_addresses(replica: Replica) -> dict[int, tuple[str, int]]:
    """Return port in a container -> host and port to reach it by, of TCP.

    As it runs, and not as the files say: those read the environment of whoever asks.
    """
    return {
        port.target: ("127.0.0.1" if port.host_ip in EVERY_ADDRESS else port.host_ip, port.host_port)
        for port in reversed(replica.published)
        if port.protocol == "tcp"
    }
