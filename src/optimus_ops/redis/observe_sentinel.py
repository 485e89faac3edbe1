"""Observation of one sentinel; changes nothing, unless SENTINEL FLUSHCONFIG is tried."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from optimus_ops.redis.client import FAILURES, ask, attempt, cause_of, refusal
from optimus_ops.redis.error_causes import UNEXPECTED_ANSWER, code_of, explain
from optimus_ops.redis.nodes import Address, Node, NotPermitted
from optimus_ops.redis.observe_server import info_of
from optimus_ops.redis.sentinel import MonitoredMaster, Peer, Sentinel
from optimus_ops.redis.values import count_of

QUORUM_CODES = frozenset({"NOQUORUM", "NOGOODSLAVE"})


def observe_sentinel(node: Node, connect: Callable[[], Any], master: str, *, rewrite: bool = False) -> Sentinel:
    """Observe a sentinel and the master of a name, "" for the only one; `rewrite` has it write its state file anew."""
    if node.absence:
        return Sentinel(node, unreachable_reason=node.absence)
    try:
        with connect() as client:
            try:
                return _observe(node, client, master, rewrite=rewrite)
            except RedisConnectionError as error:
                cause = explain(cause_of(client, error))
    except FAILURES as error:
        cause = explain(error)
    return Sentinel(node, unreachable_reason=cause.reason, hint=cause.hint)


def _observe(node: Node, client: Any, master: str, *, rewrite: bool) -> Sentinel:
    # A user without permission for PING may have it for other commands.
    with contextlib.suppress(NoPermissionError):
        client.ping()
    masters = ask(lambda: tuple(sorted(str(name) for name in client.sentinel_masters())))
    names = () if isinstance(masters, NotPermitted) else masters
    info = info_of(client)
    if _is_server(masters, info):
        hint = f"a sentinel's usual port is 26379; to look at this server: --url redis://{node.address}"
        return Sentinel(node, unreachable_reason="it is a Redis server and no sentinel", hint=hint)
    asked = master or (names[0] if len(names) == 1 else "")
    reported = {} if isinstance(info, NotPermitted) else info
    identity = ask(lambda: client.execute_command("SENTINEL", "MYID"))
    periods = ask(lambda: periods_of(client))
    return Sentinel(
        node,
        names=names,
        monitored=_monitored(client, asked) if isinstance(masters, NotPermitted) or asked in names else None,
        tilt=None if isinstance(info, NotPermitted) else bool(count_of(info, "sentinel_tilt")),
        # Before Redis 6.2 there is no such subcommand.
        identity=identity if isinstance(identity, str) else "",
        config_file=None if isinstance(info, NotPermitted) else str(info.get("config_file", "")),
        rewritten=attempt(lambda: client.execute_command("SENTINEL", "FLUSHCONFIG")) if rewrite else None,
        uptime=None if isinstance(info, NotPermitted) else count_of(info, "uptime_in_seconds"),
        run_id=str(reported.get("run_id", "")),
        ping_period=None if isinstance(periods, NotPermitted) else periods.get("ping-period"),
    )


def _is_server(masters: tuple[str, ...] | NotPermitted, info: Mapping[str, Any] | NotPermitted) -> bool:
    """Tell whether a server listens there: INFO says so, or neither INFO nor a list of masters is offered."""
    if isinstance(info, NotPermitted):
        return isinstance(masters, NotPermitted) and not masters.offered
    mode = info.get("redis_mode", info.get("server_mode"))
    return mode != "sentinel" if mode else isinstance(masters, NotPermitted)


def _monitored(client: Any, master: str) -> MonitoredMaster | NotPermitted:
    raw = ask(lambda: dict(client.sentinel_master(master)))
    if isinstance(raw, NotPermitted):
        return raw
    lists = (_peers(lambda: client.sentinel_slaves(master)), _peers(lambda: client.sentinel_sentinels(master)))
    replicas, sentinels = (() if isinstance(peers, NotPermitted) else peers for peers in lists)
    return MonitoredMaster(
        master=peer(raw),
        replicas=replicas,
        sentinels=sentinels,
        quorum=count_of(raw, "quorum"),
        epoch=count_of(raw, "config-epoch"),
        down_after=count_of(raw, "down-after-milliseconds"),
        failover_timeout=count_of(raw, "failover-timeout"),
        parallel_syncs=count_of(raw, "parallel-syncs"),
        no_quorum=_no_quorum(client, master),
        unlisted=next((peers for peers in lists if isinstance(peers, NotPermitted)), None),
    )


def _peers(question: Callable[[], Sequence[Mapping[str, Any]]]) -> tuple[Peer, ...] | NotPermitted:
    found = ask(lambda: [peer(raw) for raw in question()])
    return found if isinstance(found, NotPermitted) else tuple(sorted(found, key=lambda entry: entry.address))


def peer(raw: Mapping[str, Any]) -> Peer:
    """Parse an entry of SENTINEL MASTER, REPLICAS or SENTINELS."""
    return Peer(
        address=Address(str(raw.get("ip", "")), count_of(raw, "port")),
        run_id=str(raw.get("runid", "")),
        flags=frozenset(str(raw.get("flags", "")).split(",")) - {""},
    )


def _no_quorum(client: Any, master: str) -> str | NotPermitted:
    try:
        return "" if client.execute_command("SENTINEL", "CKQUORUM", master) else NotPermitted(UNEXPECTED_ANSWER.reason)
    except ResponseError as error:
        # Any other code is about the question.
        return str(error) if code_of(error) in QUORUM_CODES else refusal(error)
    except FAILURES as error:
        return refusal(error)


def periods_of(client: Any) -> dict[str, int]:
    """Return a sentinel's periods (how often it sends INFO, PING …) in milliseconds, by name; only from Redis 7 on."""
    answer = client.execute_command("SENTINEL", "DEBUG")
    return {str(name).lower(): int(value) for name, value in zip(answer[::2], answer[1::2], strict=False)}
