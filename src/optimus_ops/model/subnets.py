"""Subnets that the files fix: an engine makes no two networks that overlap, and changes none that exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice
from typing import Any

Subnet = IPv4Network | IPv6Network

VARIABLES = "x-optimus-subnets"
"""Extension of the Compose files: network -> the variable that holds the first three numbers of its addresses."""
CANDIDATES = 4096


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the engine, or one that the files want; `project` is "" where it belongs to none.

    `variable` sets its subnets; "" where none is known.
    """

    name: str
    project: str
    subnets: tuple[Subnet, ...]
    variable: str = ""


@dataclass(frozen=True, slots=True)
class SubnetProblem:
    """Why a network can't be created as the files say it, and the way out."""

    found: str
    hint: str


def wanted_networks(document: Mapping[str, Any]) -> tuple[Network, ...]:
    """Return the networks of the merged model that say their subnets, as far as a service is in them."""
    project = str(document.get("name", ""))
    used = {key for service in (document.get("services") or {}).values() for key in service.get("networks") or ()}
    found = []
    for key, raw in (document.get("networks") or {}).items():
        network: Mapping[str, Any] = raw or {}
        subnets = parse_subnets((network.get("ipam") or {}).get("config"))
        if subnets and key in used and not network.get("external"):
            variable = str((document.get(VARIABLES) or {}).get(key, ""))
            name = str(network.get("name") or f"{project}_{key}")
            found.append(Network(name, project, subnets, variable))
    return tuple(found)


def parse_subnets(config: object) -> tuple[Subnet, ...]:
    """Read the `config` of a network's address management, in Compose's or the engine's spelling.

    What is no subnet is left out: the engine reports it itself.
    """
    entries = config if isinstance(config, list) else []
    texts = [entry.get("subnet") or entry.get("Subnet") for entry in entries if isinstance(entry, dict)]
    return tuple(subnet for text in texts if text for subnet in _parse(str(text)))


def _parse(text: str) -> Iterator[Subnet]:
    try:
        yield ip_network(text, strict=False)
    except ValueError:
        return


def subnet_problems(wanted: Iterable[Network], existing: Iterable[Network]) -> tuple[SubnetProblem, ...]:
    """Return why networks that the files want can't be created beside the engine's existing ones."""
    wanted, existing = tuple(wanted), tuple(existing)
    taken = [subnet for network in (*existing, *wanted) for subnet in network.subnets]
    return tuple(problem for network in wanted for problem in _problems(network, existing, taken))


def _problems(wanted: Network, existing: tuple[Network, ...], taken: list[Subnet]) -> Iterator[SubnetProblem]:
    own = next((network for network in existing if network.name == wanted.name), None)
    if own is not None:
        if own.subnets and set(own.subnets) != set(wanted.subnets):
            setting = _setting(wanted, own.subnets[0])
            keep = f"; or leave it as it is: {setting}" if setting else ""
            yield SubnetProblem(
                f"network {wanted.name} has {_list(own.subnets)}, the files say {_list(wanted.subnets)}",
                "an engine changes no network: stop the stack and remove it first (volumes stay), with"
                f" invoke down --prune-network{keep}",
            )
        return
    for subnet in wanted.subnets:
        for other in existing:
            if any(_overlap(subnet, taken_by_other) for taken_by_other in other.subnets):
                whose = f"network {other.name}" + (f" of project {other.project}" if other.project else "")
                yield SubnetProblem(
                    f"network {wanted.name} is to have {subnet}, and {whose} has {_list(other.subnets)}",
                    _way_out(wanted, subnet, taken),
                )


def _way_out(wanted: Network, subnet: Subnet, taken: list[Subnet]) -> str:
    free = free_subnet(subnet, taken)
    if free is None:
        return "give one of the two another subnet"
    if setting := _setting(wanted, free):
        return f"{free} is free: set {setting} for every command of this stack (in .env)"
    return f"{free} is free: set it as the network's subnet in the Compose files"


def _setting(network: Network, subnet: Subnet) -> str:
    """Return what sets a network to a subnet; "" where no variable can."""
    if not network.variable or not isinstance(subnet, IPv4Network):
        return ""
    return f"{network.variable}={str(subnet.network_address).rpartition('.')[0]}"


def free_subnet(like: Subnet, taken: Iterable[Subnet]) -> Subnet | None:
    """Return the next private subnet of the same size that overlaps none of those that are taken."""
    taken = tuple(taken)
    candidates = islice(_after(like), CANDIDATES)
    return next((subnet for subnet in candidates if not any(_overlap(subnet, other) for other in taken)), None)


def _after(subnet: Subnet) -> Iterator[Subnet]:
    size, start = subnet.num_addresses, int(subnet.network_address)
    last = 2**subnet.max_prefixlen - size
    while (start := start + size) <= last:
        following = ip_network((start, subnet.prefixlen))
        if not following.is_private:
            return
        yield following


def _overlap(subnet: Subnet, other: Subnet) -> bool:
    if isinstance(subnet, IPv4Network) and isinstance(other, IPv4Network):
        return subnet.overlaps(other)
    return isinstance(subnet, IPv6Network) and isinstance(other, IPv6Network) and subnet.overlaps(other)


def _list(subnets: Iterable[Subnet]) -> str:
    return ", ".join(map(str, subnets))
