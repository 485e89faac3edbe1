"""Observation of one Redis server; changes nothing, unless CONFIG REWRITE is tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from optimus_ops.redis.client import FAILURES, ask, attempt, cause_of
from optimus_ops.redis.error_causes import ANSWERS_NOTHING, UNEXPECTED_ANSWER, ErrorCause, code_of, explain
from optimus_ops.redis.model import Cluster, LatencyEvent, Probe, Server, SlowCommand, SlowLog
from optimus_ops.redis.nodes import Node, NotPermitted
from optimus_ops.redis.observe_replication import observe_replication
from optimus_ops.redis.values import count_of, keys_of, whole
from optimus_ops.reports.measurement import percentile

PINGS = 100
PROBE_SECONDS = 3.0
"""For all PINGs of a probe together: over a slow line there are fewer."""
NEWEST = 16
"""Entries of the slow log that are fetched."""
SETTINGS = (
    "appendfsync",
    "client-output-buffer-limit",
    "latency-monitor-threshold",
    "maxmemory-policy",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "repl-backlog-size",
    "slowlog-log-slower-than",
)
LOST = frozenset({"fail", "fail?", "noaddr"})
"""Flags of unreachable nodes in CLUSTER NODES (https://redis.io/docs/latest/commands/cluster-nodes/)."""


def observe_server(node: Node, connect: Callable[[], Any], *, rewrite: bool = False) -> Server:
    """Observe a server; `rewrite` has it write its current settings into its configuration file."""
    if node.absence:
        return Server(node, unreachable_reason=node.absence)
    try:
        with connect() as client:
            try:
                return _observe(node, client, rewrite=rewrite)
            except RedisConnectionError as error:
                cause = explain(cause_of(client, error))
    except FAILURES as error:
        cause = explain(error)
    return Server(node, unreachable_reason=cause.reason, hint=cause.hint)


def _observe(node: Node, client: Any, *, rewrite: bool) -> Server:
    # The first command opens the connection and logs in, which is not measured.
    refusal = _ping(client)
    began = time.perf_counter()
    _ping(client)
    ping = (time.perf_counter() - began) * 1000
    info = info_of(client)
    if not isinstance(info, NotPermitted) and "sentinel" in {info.get("redis_mode"), info.get("server_mode")}:
        hint = f"name it as one, and it tells of the servers: --sentinel {node.address}"
        return Server(node, unreachable_reason="it is a sentinel and no server", hint=hint)
    config = _config(client)
    return Server(
        node,
        hint=refusal.hint if refusal else "",
        refusal=refusal.reason if refusal else "",
        ping=ping,
        info=info,
        replication=observe_replication(client, info),
        config=config,
        keys=ask(lambda: int(client.dbsize())) if isinstance(info, NotPermitted) else keys_of(info),
        events=ask(lambda: _events(client)),
        slow=ask(lambda: _slow(client)),
        # Where CONFIG GET is taken away, the refusal of CONFIG REWRITE says nothing about the file.
        rewritten=(config if isinstance(config, NotPermitted) else attempt(client.config_rewrite)) if rewrite else None,
        now=0 if isinstance(info, NotPermitted) else count_of(info, "server_time_usec") // 1_000_000,
        cluster=_cluster(client, info),
    )


def _ping(client: Any) -> ErrorCause | None:
    """Send PING; return why a server answers something else. No answer, or one for every question, is raised."""
    try:
        client.ping()
    except (ResponseError, BusyLoadingError) as error:
        code = code_of(error)
        if code in ANSWERS_NOTHING:
            raise
        # Without permission for PING, the refusal is as good an answer.
        return explain(error) if code not in {"", "ERR", "NOPERM"} else None
    return None


def info_of(client: Any) -> Mapping[str, Any] | NotPermitted:
    """Return the answer of INFO."""
    answer = ask(client.info)
    return answer if isinstance(answer, dict | NotPermitted) else NotPermitted(UNEXPECTED_ANSWER.reason)


def _config(client: Any) -> Mapping[str, str] | NotPermitted:
    found: dict[str, str] = {}
    for name in SETTINGS:
        # One at a time: before Redis 7, CONFIG GET takes one pattern.
        answer = ask(lambda name=name: client.config_get(name).items())  # type: ignore[misc]  # a default binds the name
        if isinstance(answer, NotPermitted):
            return answer
        found |= {str(key): str(value) for key, value in answer}
    return found or NotPermitted("it tells of no setting")


def _events(client: Any) -> tuple[LatencyEvent, ...]:
    return tuple(
        LatencyEvent(str(name), int(at), int(latest), int(worst), len(client.latency_history(name)))
        for name, at, latest, worst, *_more in client.latency_latest()
    )


def _slow(client: Any) -> SlowLog:
    newest = tuple(
        SlowCommand(_verb(entry["command"]), int(entry["start_time"]), int(entry["duration"]) / 1000)
        for entry in client.slowlog_get(NEWEST)
    )
    return SlowLog(int(client.slowlog_len()), newest)


def _verb(command: bytes | str) -> str:
    text = command.decode("utf-8", "replace") if isinstance(command, bytes) else command
    return (text.split(maxsplit=1) or ["?"])[0].upper()[:32]


def _cluster(client: Any, info: Mapping[str, Any] | NotPermitted) -> Cluster | NotPermitted | None:
    if isinstance(info, NotPermitted):
        return None
    if not whole(info.get("cluster_enabled")) and "cluster" not in {info.get("redis_mode"), info.get("server_mode")}:
        return None
    # As two words: redis-py has parsers of its own for commands that it knows.
    return ask(lambda: _parse(client.execute_command("CLUSTER", "INFO"), client.execute_command("CLUSTER", "NODES")))


def _parse(info: str, nodes: str) -> Cluster:
    state = dict(line.partition(":")[::2] for line in info.splitlines())
    rows = [line.split() for line in nodes.splitlines()]
    # ID ADDRESS:PORT@BUSPORT,NAME FLAGS …
    lost = sorted(address.partition("@")[0] for _id, address, flags, *_more in rows if LOST & set(flags.split(",")))
    return Cluster(state["cluster_state"].strip(), count_of(state, "cluster_slots_ok"), tuple(lost))


def probe(connect: Callable[[], Any]) -> Probe | None:
    """Measure round trips to a server; None if it stopped answering.

    To be done for one server after the other: several at once would measure this process.
    """
    try:
        with connect() as client:
            _ping(client)
            return _probe(client)
    except FAILURES:
        return None


def _probe(client: Any) -> Probe:
    took: list[float] = []
    until = time.perf_counter() + PROBE_SECONDS
    while len(took) < PINGS and (now := time.perf_counter()) < until:
        _ping(client)
        took.append((time.perf_counter() - now) * 1000)
    return Probe(len(took), percentile(took, 50), percentile(took, 99))
