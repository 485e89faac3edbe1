"""Names of everything kept in Redis. All start with `optimus:`; tenants are apart by name.

A lane is the queue of one sender, `TENANT:SESSION`; what the parts of the queue are for is told in docs/queue.md.
"""

from typing import Final

INBOUND: Final = "optimus:queue:inbound"
"""Stream: messages handed out, one of a lane at a time. Before the first worker that knows lanes: all messages."""
GROUP: Final = "workers"
DEAD: Final = "optimus:queue:dead"
DELAYED: Final = "optimus:queue:delayed"
"""Sorted set: messages put off by workers that did not know lanes, by the time they are due."""
LANE: Final = "optimus:queue:lane:"
"""Sorted set per lane: its messages, the one handed out included, by the time of queueing (us)."""
READY: Final = "optimus:queue:ready:"
"""List per tenant: lanes whose first message may be handed out, in the order of their turns."""
TURNS: Final = "optimus:queue:turns"
"""Sorted set: tenants that have a ready lane; first whose turn it is."""
TURN: Final = "optimus:queue:turn"
SERVED: Final = "optimus:queue:served"
"""Hash: number of the last turn, by tenant."""
TAKEN: Final = "optimus:queue:taken"
"""Hash: entry of the stream, by lane handed out."""
HELD: Final = "optimus:queue:held"
"""Hash: lanes handed out, by tenant."""
RESTING: Final = "optimus:queue:resting"
"""Sorted set: lanes whose first message was put off, by the time it is due (s)."""
COUNT: Final = "optimus:queue:count"
"""Hash: messages in lanes, by tenant; `ALL` for all of them."""
BYTES: Final = "optimus:queue:bytes"
"""Hash: their size, by tenant."""
KEPT: Final = "optimus:queue:kept:"
"""List per tenant: what is kept of messages that have ended, the oldest first: `KIND SIZE REFERENCE`."""
KEPT_BYTES: Final = "optimus:queue:kept-bytes"
"""Hash: its size, by tenant."""
OLDEST: Final = "optimus:queue:oldest:"
"""Sorted set per tenant: lanes by the time of queueing of their first message (us)."""
WORKERS: Final = "optimus:queue:workers"
"""Hash: `SLOTS RESERVE END` of each worker's registration, by consumer."""
LANES: Final = "optimus:queue:lanes"
"""There once a worker that knows lanes was; messages go into lanes from then on."""
ALL: Final = "*"


def lua() -> str:
    """The names above, as the scripts know them."""
    return "\n".join(f"local {name} = '{value}'" for name, value in globals().items() if name.isupper())


def state(tenant: str, message_id: str) -> str:
    """Hash: what became of a message. Its existence is what makes a second delivery a duplicate."""
    return f"optimus:message:{tenant}:{message_id}"


def outbox(tenant: str) -> str:
    """Stream: answers for which no channel to the outside is set up."""
    return f"optimus:outbox:{tenant}"


def counts(tenant: str) -> str:
    """Hash: counters of a tenant, shared by all services."""
    return f"optimus:counts:{tenant}"


def intake_rate(tenant: str) -> str:
    """When the tenant's next message would be due at its sustained rate (ms)."""
    return f"optimus:intake:{tenant}"
