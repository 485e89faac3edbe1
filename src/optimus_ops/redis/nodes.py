"""Nodes of Redis, and the addresses by which they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Purpose = Literal["state", "cache", "unknown"]
"""State must never be lost or evicted, a cache may be."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host and a port, or the path of a Unix socket and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 address in brackets; of a Unix socket its path."""
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The addresses that mean the same node."""

    names: Mapping[str, str] = field(default_factory=dict)  # host -> the node's name, where a host is one node
    aliases: Mapping[Address, Address] = field(default_factory=dict)  # address -> by which it is reached from here

    def same(self, left: Address, right: Address) -> bool:
        """Tell whether two addresses mean the same node."""
        return self.canonical(left) == self.canonical(right)

    def canonical(self, address: Address) -> Address:
        """Return the one address that stands for all of a node's."""
        reached = self.aliases.get(address, address)
        return replace(reached, host=self.names.get(reached.host, reached.host))

    def shown(self, address: Address) -> str:
        """Return an address for people: the node's name before it."""
        reached = self.aliases.get(address, address)
        known = self.names.get(reached.host, str(reached))
        return str(address) if known in {address.host, str(address)} else f"{known} ({address})"


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """A refused question: permission is missing, or the server does not offer the command (`offered`)."""

    reason: str
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """A server or sentinel to observe."""

    name: str  # its service in a stack, else its address
    address: Address  # by which it is reached from here
    purpose: Purpose = "unknown"
    absence: str = ""  # why it can't even be asked: "its container is exited"
    listed: str = ""  # the master's name, where nothing but sentinels' lists names this node
