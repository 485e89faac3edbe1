"""Who is who: one server may have several addresses, names, and others behind NAT.

Told by what no two servers share: the run id that a server and sentinels tell of it, what a name resolves to, and the
id of the replication stream, which a master has in common with none but those that follow it.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from optimus_ops.redis.address_book import AddressBook
from optimus_ops.redis.deadline_gather import ask_together
from optimus_ops.redis.model import Address, NotPermitted, Replication
from optimus_ops.redis.values import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from optimus_ops.redis.model import MonitoredMaster, Sentinel, Server

RESOLVE_SECONDS = 2.0

Seen = TypeVar("Seen", bound="Server | Sentinel")


def distinct(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """Return each process once, with the other addresses at which it was found."""
    found: dict[str, Seen] = {}
    for one in seen:
        key = one.run_id or f"at {one.node.address}"
        if key in found:
            found[key] = replace(found[key], other_addresses=(*found[key].other_addresses, one.node.address))
        else:
            found[key] = one
    return tuple(found.values())


def _all(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> list[Server | Sentinel]:
    return [*servers, *sentinels]


def monitored_masters(sentinels: Iterable[Sentinel]) -> list[MonitoredMaster]:
    """Return what those sentinels have that know the master."""
    return [
        one.monitored for one in sentinels if one.monitored is not None and not isinstance(one.monitored, NotPermitted)
    ]


def mentioned(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> Iterator[Address]:
    """Give every address by which somebody calls a server or sentinel."""
    for one in _all(servers, sentinels):
        yield one.node.address
        yield from one.other_addresses
    for watch in monitored_masters(sentinels):
        yield from (peer.address for peer in (watch.master, *watch.replicas, *watch.sentinels))
    for _server, own in _told(servers):
        yield from (one.address for one in own.replicas)
        if own.master:
            yield own.master


def identify(
    servers: Sequence[Server],
    sentinels: Sequence[Sentinel],
    names: Mapping[str, str],
    resolved: Mapping[str, frozenset[str]],
) -> AddressBook:
    """Find out which addresses mean the same node.

    Args:
        servers: as they were observed, each once.
        sentinels: likewise.
        names: host name or IP address -> name of the node, where that is known beforehand.
        resolved: host name -> its IP addresses.
    """
    homes = {one.node.address for one in _all(servers, sentinels)}
    aliases: dict[Address, Address] = {}
    for steps in (
        _second_addresses(servers, sentinels),
        _by_run_id(servers, sentinels),
        _by_name(mentioned(servers, sentinels), homes, resolved),
    ):
        for address, home in steps:
            if address not in homes:
                aliases.setdefault(address, home)
    # What follows goes by what is known so far.
    for find in (_masters_of_followers, _attached_followers):
        known = AddressBook(names, dict(aliases))
        aliases |= {address: home for address, home in find(servers, known) if address not in homes}
    return AddressBook(names, aliases)


def _second_addresses(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> Iterator[tuple[Address, Address]]:
    for one in _all(servers, sentinels):
        yield from ((address, one.node.address) for address in one.other_addresses)


def _by_run_id(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> Iterator[tuple[Address, Address]]:
    """Sentinels tell the run ids of servers, and the ids that other sentinels have given themselves."""
    homes = {one.run_id: one.node.address for one in servers if one.run_id}
    watching = {one.identity: one.node.address for one in sentinels if one.identity}
    for watch in monitored_masters(sentinels):
        for peers, known in (((watch.master, *watch.replicas), homes), (watch.sentinels, watching)):
            yield from ((peer.address, known[peer.run_id]) for peer in peers if peer.run_id in known)


def _by_name(
    addresses: Iterable[Address], homes: Iterable[Address], resolved: Mapping[str, frozenset[str]]
) -> Iterator[tuple[Address, Address]]:
    at = {(ip, home.port): home for home in sorted(homes) for ip in resolved.get(home.host, {home.host})}
    for address in addresses:
        for ip in sorted(resolved.get(address.host, {address.host})):
            if (ip, address.port) in at:
                yield address, at[ip, address.port]


def _told(servers: Iterable[Server]) -> Iterator[tuple[Server, Replication]]:
    for server in servers:
        if not server.unreachable_reason and isinstance(server.replication, Replication):
            yield server, server.replication


def _followers(servers: Sequence[Server], own: Replication) -> list[tuple[Server, Replication]]:
    """Return the replicas that have a master's stream, if they can be that master's own: it has as many."""
    found = [
        (server, theirs)
        for server, theirs in _told(servers)
        if theirs.master and theirs.link_up and theirs.history and theirs.history == own.history
    ]
    return found if len(found) <= len(own.replicas) else []


def _masters_of_followers(servers: Sequence[Server], known: AddressBook) -> Iterator[tuple[Address, Address]]:
    """Replicas may know their master by an address that nobody else has for it."""
    homes = {known.canonical(server.node.address) for server in servers}
    for server, own in _told(servers):
        if own.master is None:
            for _replica, theirs in _followers(servers, own):
                if theirs.master and known.canonical(theirs.master) not in homes:
                    yield theirs.master, server.node.address


def _attached_followers(servers: Sequence[Server], known: AddressBook) -> Iterator[tuple[Address, Address]]:
    """A master may know a replica by another address; its port, or there being no other, tells which one it is."""
    homes = {known.canonical(server.node.address) for server in servers}
    for _server, own in _told(servers):
        seen = {known.canonical(one.address) for one in own.replicas}
        nameless = [one.address for one in own.replicas if known.canonical(one.address) not in homes]
        missing = [one for one, _ in _followers(servers, own) if known.canonical(one.node.address) not in seen]
        for address in nameless:
            likely = [one for one in missing if _port(one) == address.port] or missing
            if len(likely) == 1 and (len(nameless) == 1 or _port(likely[0]) == address.port):
                yield address, likely[0].node.address


def _port(server: Server) -> int:
    """Return the port that a server itself listens on, which may be mapped to another one."""
    return server.node.address.port if isinstance(server.info, NotPermitted) else count_of(server.info, "tcp_port")


def resolve(hosts: Iterable[str], look_up: Callable[[str], Iterable[str]] | None = None) -> dict[str, frozenset[str]]:
    """Return the IP addresses of host names; a name that isn't known here, or not soon, has none.

    Args:
        hosts: names; IP addresses among them stand for themselves.
        look_up: what asks the resolver.
    """
    ask = look_up or _addresses_of
    names = sorted({host for host in hosts if host and not host.startswith("/") and not _is_ip(host)})

    def answer(name: str) -> frozenset[str]:
        try:
            return frozenset(ask(name))
        except (OSError, UnicodeError):
            return frozenset()

    def question(name: str) -> Callable[[], frozenset[str]]:
        return lambda: answer(name)

    found = ask_together(
        {name: question(name) for name in names}, seconds=RESOLVE_SECONDS, late=lambda _name: frozenset[str]()
    )
    return {name: addresses for name, addresses in found.items() if addresses}


def _addresses_of(name: str) -> set[str]:
    return {str(found[4][0]) for found in socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
