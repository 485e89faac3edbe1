"""Replication of a server, from INFO or ROLE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimus_ops.redis.client import ask
from optimus_ops.redis.model import Attached, Replication
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.values import count_of, whole

ROLES = ("master", "slave")


def observe_replication(client: Any, info: Mapping[str, Any] | NotPermitted) -> Replication | NotPermitted:
    """Return a server's replication, from ROLE where INFO does not tell."""
    if not isinstance(info, NotPermitted) and info.get("role") in ROLES:
        return replication_of_info(info)
    return ask(lambda: replication_of_role(client.execute_command("ROLE")))


def replication_of_info(info: Mapping[str, Any]) -> Replication:
    """Parse the replication section of INFO."""
    history = str(info.get("master_replid", ""))
    if info["role"] == "slave":
        return Replication(
            master=Address(str(info.get("master_host", "")), count_of(info, "master_port")),
            offset=count_of(info, "slave_repl_offset"),
            link_up=info.get("master_link_status") == "up",
            silent=_seconds(info.get("master_last_io_seconds_ago")),
            syncing=bool(count_of(info, "master_sync_in_progress")),
            read_only=bool(count_of(info, "slave_read_only", 1)),
            priority=count_of(info, "slave_priority", 100),
            history=history,
        )
    offset = count_of(info, "master_repl_offset")
    replicas = (value for name, value in sorted(info.items()) if name.startswith("slave") and isinstance(value, dict))
    return Replication(
        master=None,
        offset=offset,
        replicas=tuple(_attached(replica, offset) for replica in replicas),
        good_replicas=whole(info.get("min_slaves_good_slaves")),
        history=history,
    )


def _attached(raw: Mapping[str, Any], offset: int) -> Attached:
    return Attached(
        address=Address(str(raw.get("ip", "")), count_of(raw, "port")),
        online=raw.get("state") == "online",
        behind=max(offset - count_of(raw, "offset"), 0),
        lag=_seconds(raw.get("lag")),
    )


def _seconds(value: object) -> int | None:
    # -1 stands for never or unknown.
    found = whole(value)
    return None if found is None or found < 0 else found


def replication_of_role(answer: Sequence[Any]) -> Replication:
    """Parse the answer of ROLE (https://redis.io/docs/latest/commands/role/); another form raises what parsing does."""
    role = str(answer[0])
    if role not in ROLES:
        raise ValueError(role)
    if role == "slave":
        _role, host, port, state, offset, *_more = answer
        return Replication(
            master=Address(str(host), int(port)),
            offset=max(int(offset), 0),
            link_up=str(state) == "connected",
            syncing=str(state) == "sync",
        )
    offset = int(answer[1]) if len(answer) > 1 else 0
    return Replication(
        master=None,
        offset=offset,
        replicas=tuple(
            Attached(Address(str(host), int(port)), online=True, behind=max(offset - int(acknowledged), 0), lag=None)
            for host, port, acknowledged in (answer[2] if len(answer) > 2 else ())
        ),
    )
