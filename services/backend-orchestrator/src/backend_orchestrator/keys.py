"""Names of everything kept in Redis. All start with `optimus:`; tenants are apart by name."""

from typing import Final

INBOUND: Final = "optimus:queue:inbound"
DEAD: Final = "optimus:queue:dead"
DELAYED: Final = "optimus:queue:delayed"
GROUP: Final = "workers"


def state(tenant: str, message_id: str) -> str:
    """Hash: what became of a message. Its existence is what makes a second delivery a duplicate."""
    return f"optimus:message:{tenant}:{message_id}"


def outbox(tenant: str) -> str:
    """Stream: answers for which no channel to the outside is set up."""
    return f"optimus:outbox:{tenant}"


def counts(tenant: str) -> str:
    """Hash: counters of a tenant, shared by all services."""
    return f"optimus:counts:{tenant}"
