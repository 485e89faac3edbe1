"""Which addresses and names mean the same node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimus_ops.redis.model import Address


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Which addresses mean the same node.

    Args:
        names: host name or IP address -> the node's name, where a host is one node.
        aliases: address -> the one by which the node is reached from here, where that was found out.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[Address, Address] = field(default_factory=dict)

    def same(self, one: Address, other: Address) -> bool:
        """Tell whether two addresses mean the same."""
        return self.canonical(one) == self.canonical(other)

    def canonical(self, address: Address) -> Address:
        """Return the one address that stands for all of a node's."""
        reached = self.aliases.get(address, address)
        return replace(reached, host=self.names.get(reached.host, reached.host))

    def shown(self, address: Address) -> str:
        """Return an address as a person knows it: with the node's name before it."""
        reached = self.aliases.get(address, address)
        known = self.names.get(reached.host, str(reached))
        return str(address) if known in {address.host, str(address)} else f"{known} ({address})"


NOTHING_KNOWN = AddressBook()
