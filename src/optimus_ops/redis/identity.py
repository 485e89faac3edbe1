"""Identity of servers and sentinels: one may have several addresses and names, and others behind NAT.

Told by what no two share: the run id that a server and sentinels report of it, the addresses that a name resolves to,
and the id of the replication stream, which a master shares with its followers alone.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from optimus_ops.redis.deadline_gather import gather_within
from optimus_ops.redis.model import Observed, Replication, Server
from optimus_ops.redis.nodes import Address, AddressBook
from optimus_ops.redis.sentinel import Sentinel, monitored_masters

RESOLVE_SECONDS = 2.0


def distinct(observed: Sequence[Observed]) -> tuple[Observed, ...]:
    """Return each process once, with the other addresses at which it was found."""
    found: dict[str, Observed] = {}
    for item in observed:
        key = item.run_id or f"at {item.node.address}"
        if key in found:
            found[key] = replace(found[key], other_addresses=(*found[key].other_addresses, item.node.address))
        else:
            found[key] = item
    return tuple(found.values())


def _both(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> list[Server | Sentinel]:
    return [*servers, *sentinels]


def mentioned(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> Iterator[Address]:
    """Yield every address by which anyone calls a server or sentinel."""
    for item in _both(servers, sentinels):
        yield item.node.address
        yield from item.other_addresses
    for watch in monitored_masters(sentinels):
        yield from (peer.address for peer in (watch.master, *watch.replicas, *watch.sentinels))
    for _server, own in _replicating(servers):
        yield from (replica.address for replica in own.replicas)
        if own.master:
            yield own.master


def identify(
    servers: Sequence[Server],
    sentinels: Sequence[Sentinel],
    names: Mapping[str, str],
    resolved: Mapping[str, frozenset[str]],
) -> AddressBook:
    """Find the addresses that mean the same node, of servers and sentinels that are there once.

    `names` says which node a host is, where that is known beforehand; `resolved` the IP addresses of host names.
    """
    homes = {item.node.address for item in _both(servers, sentinels)}
    aliases: dict[Address, Address] = {}
    for pairs in (
        ((address, item.node.address) for item in _both(servers, sentinels) for address in item.other_addresses),
        _by_run_id(servers, sentinels),
        _by_name(mentioned(servers, sentinels), homes, resolved),
    ):
        for address, home in pairs:
            if address not in homes:
                aliases.setdefault(address, home)
    # These depend on what is known so far.
    for find in (_masters_of_followers, _attached_followers):
        known = AddressBook(names, dict(aliases))
        aliases |= {address: home for address, home in find(servers, known) if address not in homes}
    return AddressBook(names, aliases)


def _by_run_id(servers: Sequence[Server], sentinels: Sequence[Sentinel]) -> Iterator[tuple[Address, Address]]:
    """Sentinels report the run ids of servers, and the ids that other sentinels gave themselves."""
    homes = {server.run_id: server.node.address for server in servers if server.run_id}
    watching = {sentinel.identity: sentinel.node.address for sentinel in sentinels if sentinel.identity}
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


def _replicating(servers: Iterable[Server]) -> list[tuple[Server, Replication]]:
    return [(server, server.known_replication) for server in servers if server.known_replication]


def _followers(servers: Sequence[Server], own: Replication) -> list[tuple[Server, Replication]]:
    """Return the replicas that have a master's stream, if they can be that master's own: it has as many."""
    found = [
        (server, theirs)
        for server, theirs in _replicating(servers)
        if theirs.master and theirs.link_up and theirs.history and theirs.history == own.history
    ]
    return found if len(found) <= len(own.replicas) else []


def _masters_of_followers(servers: Sequence[Server], known: AddressBook) -> Iterator[tuple[Address, Address]]:
    """Replicas may know their master by an address that nobody else has for it."""
    homes = {known.canonical(server.node.address) for server in servers}
    for server, own in _replicating(servers):
        if own.master is None:
            for _replica, theirs in _followers(servers, own):
                if theirs.master and known.canonical(theirs.master) not in homes:
                    yield theirs.master, server.node.address


def _attached_followers(servers: Sequence[Server], known: AddressBook) -> Iterator[tuple[Address, Address]]:
    """A master may know a replica by another address; its port, or there being no other, tells which one it is."""
    homes = {known.canonical(server.node.address) for server in servers}
    for _server, own in _replicating(servers):
        attached = {known.canonical(replica.address) for replica in own.replicas}
        nameless = [replica.address for replica in own.replicas if known.canonical(replica.address) not in homes]
        missing = [it for it, _own in _followers(servers, own) if known.canonical(it.node.address) not in attached]
        for address in nameless:
            likely = [server for server in missing if server.port == address.port] or missing
            if len(likely) == 1 and (len(nameless) == 1 or likely[0].port == address.port):
                yield address, likely[0].node.address


def resolve(hosts: Iterable[str], look_up: Callable[[str], Iterable[str]] | None = None) -> dict[str, frozenset[str]]:
    """Return the IP addresses of host names; what is no name, or isn't resolved here, or not soon, has none."""
    names = sorted({host for host in hosts if host and not host.startswith("/") and not _is_ip(host)})

    def answer(name: str) -> frozenset[str]:
        try:
            return frozenset((look_up or _look_up)(name))
        except (OSError, UnicodeError):
            return frozenset()

    questions = {name: partial(answer, name) for name in names}
    found = gather_within(RESOLVE_SECONDS, questions, late=lambda _name: frozenset[str]())
    return {name: addresses for name, addresses in found.items() if addresses}


def _look_up(name: str) -> set[str]:
    return {str(found[4][0]) for found in socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
