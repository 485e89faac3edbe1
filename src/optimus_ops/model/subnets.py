"""Networks whose addresses the files fix: an engine makes no two that overlap, and changes none that is there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Subnet = IPv4Network | IPv6Network

ROLE_LABEL = "com.optimus.network"
VARIABLES = {"sentinel": "REDIS_SUBNET_PREFIX"}
"""Role of a network -> the variable that holds the first three numbers of its addresses."""
CANDIDATES = 4096


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the engine, or one that the files want.

    Args:
        name: its name at the engine.
        project: the Compose project that it belongs to; "" where it belongs to none.
        subnets: its subnets.
        variable: the variable that sets them; "" where none is known.
    """

    name: str
    project: str
    subnets: tuple[Subnet, ...]
    variable: str = ""


@dataclass(frozen=True, slots=True)
class SubnetProblem:
    """Why a network can't be had as the files say it, and the way out."""

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
            role = str((network.get("labels") or {}).get(ROLE_LABEL, ""))
            name = str(network.get("name") or f"{project}_{key}")
            found.append(Network(name, project, subnets, VARIABLES.get(role, "")))
    return tuple(found)


def parse_subnets(config: object) -> tuple[Subnet, ...]:
    """Read the `config` of a network's address management, in Compose's or the engine's spelling.

    What is no subnet is left out: the engine says so itself.
    """
    entries = config if isinstance(config, list) else []
    texts = [entry.get("subnet") or entry.get("Subnet") for entry in entries if isinstance(entry, dict)]
    return tuple(subnet for text in texts if text for subnet in _read(str(text)))


def _read(text: str) -> Iterator[Subnet]:
    try:
        yield ip_network(text, strict=False)
    except ValueError:
        return


def subnet_problems(wanted: Iterable[Network], there: Iterable[Network]) -> tuple[SubnetProblem, ...]:
    """Return what stands in the way of the wanted networks.

    Args:
        wanted: what the files say.
        there: the engine's networks.
    """
    wanted, there = tuple(wanted), tuple(there)
    taken = [subnet for network in (*there, *wanted) for subnet in network.subnets]
    return tuple(problem for network in wanted for problem in _problems(network, there, taken))


def _problems(wanted: Network, there: tuple[Network, ...], taken: list[Subnet]) -> Iterator[SubnetProblem]:
    own = next((one for one in there if one.name == wanted.name), None)
    if own is not None:
        if own.subnets and set(own.subnets) != set(wanted.subnets):
            yield SubnetProblem(
                f"network {wanted.name} has {_list(own.subnets)}, the files say {_list(wanted.subnets)}",
                "an engine changes no network: stop the stack and remove it first (volumes stay), with"
                f" invoke down --prune-network{_or_as_before(wanted, own)}",
            )
        return
    for subnet in wanted.subnets:
        for other in there:
            if any(_overlap(subnet, one) for one in other.subnets):
                whose = f"network {other.name}" + (f" of project {other.project}" if other.project else "")
                yield SubnetProblem(
                    f"network {wanted.name} is to have {subnet}, and {whose} has {_list(other.subnets)}",
                    _way_out(wanted, subnet, taken),
                )


def _way_out(wanted: Network, subnet: Subnet, taken: list[Subnet]) -> str:
    free = free_subnet(subnet, taken)
    if free is None:
        return "give one of the two another subnet"
    if wanted.variable and isinstance(free, IPv4Network):
        return f"{free} is free: set {wanted.variable}={_prefix(free)} for every command of this stack (in .env)"
    return f"{free} is free: set it as the network's subnet in the Compose files"


def _or_as_before(wanted: Network, own: Network) -> str:
    first = own.subnets[0]
    if not wanted.variable or not isinstance(first, IPv4Network):
        return ""
    return f"; or leave it as it is: {wanted.variable}={_prefix(first)}"


def free_subnet(like: Subnet, taken: Iterable[Subnet]) -> Subnet | None:
    """Return the next private subnet of the same size that overlaps none of those that are taken."""
    taken = tuple(taken)
    candidates = islice(_after(like), CANDIDATES)
    return next((one for one in candidates if not any(_overlap(one, other) for other in taken)), None)


def _after(subnet: Subnet) -> Iterator[Subnet]:
    size, start = subnet.num_addresses, int(subnet.network_address)
    last = 2**subnet.max_prefixlen - size
    while (start := start + size) <= last:
        following = ip_network((start, subnet.prefixlen))
        if not following.is_private:
            return
        yield following


def _overlap(one: Subnet, other: Subnet) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)


def _prefix(subnet: IPv4Network) -> str:
    return str(subnet.network_address).rpartition(".")[0]


def _list(subnets: Iterable[Subnet]) -> str:
    return ", ".join(map(str, subnets))
