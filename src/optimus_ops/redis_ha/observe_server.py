"""Observing one Redis server. Nothing is changed, unless rewriting its configuration is asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from optimus_ops.redis_ha.client import ask, reason
from optimus_ops.redis_ha.facts import (
    Address,
    Attached,
    Denied,
    LatencyEvent,
    Probe,
    Replication,
    Server,
    SlowCommand,
    SlowLog,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optimus_ops.redis_ha.facts import Node

PINGS = 100
PROBE_SECONDS = 3.0
"""For all the PINGs of a probe together: over a slow line there are fewer."""
NEWEST = 16
"""Entries of the slow log that are fetched."""
SETTINGS = (
    "appendfsync",
    "latency-monitor-threshold",
    "maxmemory-policy",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "slowlog-log-slower-than",
)


def observe_server(node: Node, connect: Callable[[], Any], *, rewrite: bool = False) -> Server:
    """Look at a server.

    Args:
        node: which.
        connect: makes a client of it.
        rewrite: whether CONFIG REWRITE is tried: it writes what is set now into the server's configuration file.
    """
    if node.absence:
        return Server(node, silence=node.absence)
    try:
        with connect() as client:
            return _observe(node, client, rewrite=rewrite)
    except (RedisError, OSError, ValueError) as error:
        return Server(node, silence=reason(error))


def _observe(node: Node, client: Any, *, rewrite: bool) -> Server:
    # The first command opens the connection and logs in: that is not what is measured.
    client.ping()
    began = time.perf_counter()
    client.ping()
    ping = (time.perf_counter() - began) * 1000
    info: Mapping[str, Any] | Denied = ask(client.info)
    return Server(
        node,
        ping=ping,
        info=info,
        replication=_replication(client, info),
        config=_config(client),
        keys=_keys(client, info),
        events=ask(lambda: _events(client)),
        slow=ask(lambda: _slow(client)),
        rewritten=_rewritten(client) if rewrite else None,
        now=0 if isinstance(info, Denied) else int(info.get("server_time_usec", 0)) // 1_000_000,
    )


def _config(client: Any) -> Mapping[str, str] | Denied:
    found: dict[str, str] = {}
    for name in SETTINGS:
        # One at a time: before Redis 7, CONFIG GET takes one pattern.
        answer = ask(lambda name=name: client.config_get(name))  # type: ignore[misc]  # a default binds the name
        if isinstance(answer, Denied):
            return answer
        found |= {str(key): str(value) for key, value in answer.items()}
    return found


def _keys(client: Any, info: Mapping[str, Any] | Denied) -> int | Denied:
    if isinstance(info, Denied):
        return ask(lambda: int(client.dbsize()))
    databases = [value for name, value in info.items() if name.startswith("db") and isinstance(value, dict)]
    return sum(int(database.get("keys", 0)) for database in databases)


def _events(client: Any) -> tuple[LatencyEvent, ...]:
    return tuple(
        LatencyEvent(str(name), int(at), int(latest), int(worst), len(client.latency_history(name)))
        for name, at, latest, worst, *_more in client.latency_latest()
    )


def _slow(client: Any) -> SlowLog:
    entries = client.slowlog_get(NEWEST)
    return SlowLog(
        int(client.slowlog_len()),
        tuple(
            SlowCommand(_verb(entry["command"]), int(entry["start_time"]), int(entry["duration"]) / 1000)
            for entry in entries
        ),
    )


def _verb(command: bytes | str) -> str:
    text = command.decode("utf-8", "replace") if isinstance(command, bytes) else command
    return (text.split(maxsplit=1) or ["?"])[0].upper()[:32]


def probe(connect: Callable[[], Any]) -> Probe | None:
    """Measure round trips to a server; None if it stopped answering.

    To be done for one server after the other: several at once would measure this process.
    """
    try:
        with connect() as client:
            client.ping()
            return _probe(client)
    except (RedisError, OSError):
        return None


def _probe(client: Any) -> Probe:
    took: list[float] = []
    until = time.perf_counter() + PROBE_SECONDS
    while len(took) < PINGS and (now := time.perf_counter()) < until:
        client.ping()
        took.append((time.perf_counter() - now) * 1000)
    return Probe(len(took), quantile(took, 0.5), quantile(took, 0.99))


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return the value that a fraction of all values is not above (nearest rank).

    Args:
        values: at least one.
        fraction: above 0, at most 1.
    """
    ordered = sorted(values)
    rank = max(1, -int(-fraction * len(ordered) // 1))
    return ordered[rank - 1]


def _rewritten(client: Any) -> str | Denied:
    try:
        answer = ask(client.config_rewrite)
    except ResponseError as error:
        return reason(error)
    return answer if isinstance(answer, Denied) else ""


def _replication(client: Any, info: Mapping[str, Any] | Denied) -> Replication | Denied:
    if not isinstance(info, Denied) and "role" in info:
        return replication_of_info(info)
    answer = ask(lambda: client.execute_command("ROLE"))
    return answer if isinstance(answer, Denied) else replication_of_role(answer)


def replication_of_info(info: Mapping[str, Any]) -> Replication:
    """Read the replication section of INFO."""
    if info["role"] == "slave":
        return Replication(
            master=Address(str(info.get("master_host", "")), int(info.get("master_port", 0))),
            offset=int(info.get("slave_repl_offset", 0)),
            link_up=info.get("master_link_status") == "up",
            silent=_seconds(info.get("master_last_io_seconds_ago")),
            syncing=bool(info.get("master_sync_in_progress")),
            read_only=bool(info.get("slave_read_only", 1)),
            priority=int(info.get("slave_priority", 100)),
        )
    offset = int(info.get("master_repl_offset", 0))
    good = info.get("min_slaves_good_slaves")
    return Replication(
        master=None,
        offset=offset,
        replicas=tuple(
            _attached(value, offset)
            for name, value in sorted(info.items())
            if name.startswith("slave") and isinstance(value, dict)
        ),
        good_replicas=None if good is None else int(good),
    )


def _attached(raw: Mapping[str, Any], offset: int) -> Attached:
    return Attached(
        address=Address(str(raw.get("ip", "")), int(raw.get("port", 0))),
        online=raw.get("state") == "online",
        behind=max(offset - int(raw.get("offset", 0)), 0),
        lag=_seconds(raw.get("lag")),
    )


def _seconds(value: object) -> int | None:
    # -1 stands for never or unknown.
    return None if value is None or int(str(value)) < 0 else int(str(value))


def replication_of_role(answer: Sequence[Any]) -> Replication:
    """Read the answer of ROLE (https://redis.io/docs/latest/commands/role/)."""
    role = str(answer[0])
    if role == "slave":
        _role, host, port, state, offset, *_more = answer
        return Replication(
            master=Address(str(host), int(port)),
            offset=max(int(offset), 0),
            link_up=str(state) == "connected",
            syncing=str(state) == "sync",
        )
    offset = int(answer[1]) if len(answer) > 1 else 0
    attached = answer[2] if len(answer) > 2 else ()
    return Replication(
        master=None,
        offset=offset,
        replicas=tuple(
            Attached(Address(str(host), int(port)), online=True, behind=max(offset - int(has), 0), lag=None)
            for host, port, has in attached
        ),
    )
