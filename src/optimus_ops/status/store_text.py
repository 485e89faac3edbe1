"""Databases and Redis servers in a line each."""

from __future__ import annotations

from rich.text import Text

from optimus_ops.engine.store_probes import Database, RedisServer, Sentinel, Store, Unreachable
from optimus_ops.status.model import Row
from optimus_ops.text.units import counted, size

FULL = 0.8
"""Share of a limit from which it is shown as nearly reached."""


def store_texts(row: Row) -> list[Text]:
    """Return a line for each store of a service, with the replica's name where there are several."""
    several = len(row.stores) > 1
    return [Text.assemble(f"{name}: " if several else "", store_text(store)) for name, store in row.stores.items()]


def store_text(store: Store) -> Text:
    """Return one line about a store."""
    match store:
        case Unreachable(reason):
            return Text(f"unreachable: {reason}", "red")
        case Database(used, usable):
            return Text(f"{used} of {usable} connections", "yellow" if used >= FULL * usable else "")
        case Sentinel(master, status, replicas, sentinels):
            counts = f"{counted(replicas, 'replica')}, {counted(sentinels, 'sentinel')}"
            return Text(f"{master} {status}, {counts}", "" if status == "ok" else "red")
        case RedisServer():
            return _redis(store)


def _redis(store: RedisServer) -> Text:
    limit = f" of {size(store.max_memory)}" if store.max_memory else ""
    full = store.max_memory is not None and store.memory >= FULL * store.max_memory
    parts = [
        store.role,
        *([counted(store.replicas, "replica")] if store.replicas else []),
        *(["link to its master is down"] if store.link_up is False else []),
        f"{size(store.memory)}{limit}",
        *([store.policy] if store.policy else []),
        counted(store.clients, "client"),
    ]
    return Text(", ".join(parts), "red" if store.link_up is False else "yellow" if full else "")
