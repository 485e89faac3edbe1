"""Ports on the host that two replicas of one stack can't both have.

Whether somebody else on the host holds a port is looked at in `engine/ports.py`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimus_ops.model.stack import PublishedPort, Service, Stack

EVERY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


def fixed_ports(service: Service) -> tuple[PublishedPort, ...]:
    """Return the ports on the host that every replica of a service would want."""
    return tuple(port for port in service.published if port.host_port)


def port_clashes(stack: Stack, peak: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence for each port that more than one replica wants.

    Args:
        stack: what is wanted.
        peak: service -> most replicas at once.
    """
    services = [service for name, service in stack.services.items() if peak.get(name, 0) > 0]
    within = [
        f"{service.name}: {peak[service.name]} replicas at once can't all have port {_shown(port)} of the host"
        for service in services
        if peak[service.name] > 1
        for port in fixed_ports(service)
    ]
    between = [
        f"{one.name} and {other.name} both publish port {_shown(port)} of the host"
        for one, other in combinations(services, 2)
        for port in fixed_ports(one)
        if any(_same(port, taken) for taken in fixed_ports(other))
    ]
    return (*within, *between)


def bound_otherwise(wanted: Iterable[PublishedPort], bound: Iterable[PublishedPort]) -> str:
    """Return in a few words which ports a running container has elsewhere on the host than wanted; "" if none.

    Args:
        wanted: the ports that it should have.
        bound: the ports that it has.
    """
    have = tuple(bound)
    parts = []
    for port in wanted:
        at = [other for other in have if (other.target, other.protocol) == (port.target, port.protocol)]
        if port.host_port and not any(_serves(other, port) for other in at):
            places = ", ".join(f"at {_place(other)}" for other in at) or "not published"
            parts.append(f"port {port.target} is {places}, wanted is {_place(port)}")
    return ", ".join(parts)


def _serves(bound: PublishedPort, wanted: PublishedPort) -> bool:
    everywhere = bound.host_ip in EVERY_ADDRESS and wanted.host_ip in EVERY_ADDRESS
    return bound.host_port == wanted.host_port and (everywhere or bound.host_ip == wanted.host_ip)


def _place(port: PublishedPort) -> str:
    address = "*" if port.host_ip in EVERY_ADDRESS else port.host_ip
    return f"{address}:{port.host_port}"


def _same(one: PublishedPort, other: PublishedPort) -> bool:
    addresses = {one.host_ip, other.host_ip}
    overlap = len(addresses) == 1 or bool(addresses & EVERY_ADDRESS)
    return overlap and (one.host_port, one.protocol) == (other.host_port, other.protocol)


def _shown(port: PublishedPort) -> str:
    return f"{port.host_port}" if port.protocol == "tcp" else f"{port.host_port}/{port.protocol}"
