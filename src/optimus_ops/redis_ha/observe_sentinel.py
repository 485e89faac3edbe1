"""Observing one sentinel. Nothing is changed, unless writing its state file is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from optimus_ops.redis_ha.client import ask, reason
from optimus_ops.redis_ha.facts import Address, Denied, Peer, Sentinel, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optimus_ops.redis_ha.facts import Node


def observe_sentinel(node: Node, connect: Callable[[], Any], master: str, *, rewrite: bool = False) -> Sentinel:
    """Look at a sentinel.

    Args:
        node: which.
        connect: makes a client of it.
        master: the name of the master in question; "" stands for the only one that it watches.
        rewrite: whether SENTINEL FLUSHCONFIG is tried, which writes what it knows into its own file once more.
    """
    if node.absence:
        return Sentinel(node, silence=node.absence)
    try:
        with connect() as client:
            return _observe(node, client, master, rewrite=rewrite)
    except ResponseError as error:
        # A server in a sentinel's place has no such command.
        return Sentinel(node, silence=f"it is no sentinel, or does not answer like one ({reason(error)})")
    except (RedisError, OSError, ValueError, KeyError) as error:
        return Sentinel(node, silence=reason(error))


def _observe(node: Node, client: Any, master: str, *, rewrite: bool) -> Sentinel:
    client.ping()
    masters = ask(client.sentinel_masters)
    names = () if isinstance(masters, Denied) else tuple(sorted(str(name) for name in masters))
    info: Mapping[str, Any] | Denied = ask(client.info)
    if not isinstance(info, Denied) and info.get("redis_mode", "sentinel") != "sentinel":
        return Sentinel(node, silence="it is a Redis server and no sentinel")
    asked = master or (names[0] if len(names) == 1 else "")
    return Sentinel(
        node,
        names=names,
        watch=_watch(client, asked) if isinstance(masters, Denied) or asked in names else None,
        tilt=None if isinstance(info, Denied) else bool(info.get("sentinel_tilt", 0)),
        identity=_identity(client),
        config_file=None if isinstance(info, Denied) else str(info.get("config_file", "")),
        rewritten=_rewritten(client) if rewrite else None,
        uptime=None if isinstance(info, Denied) else int(info.get("uptime_in_seconds", 0)),
        ping_period=_ping_period(client),
    )


def _watch(client: Any, master: str) -> Watch | Denied | None:
    raw = ask(lambda: client.sentinel_master(master))
    if isinstance(raw, Denied):
        return raw
    return Watch(
        master=peer(raw),
        replicas=_peers(ask(lambda: client.sentinel_slaves(master))),
        sentinels=_peers(ask(lambda: client.sentinel_sentinels(master))),
        quorum=int(raw.get("quorum", 0)),
        epoch=int(raw.get("config-epoch", 0)),
        down_after=int(raw.get("down-after-milliseconds", 0)),
        failover_timeout=int(raw.get("failover-timeout", 0)),
        parallel_syncs=int(raw.get("parallel-syncs", 0)),
        no_quorum=_no_quorum(client, master),
    )


def _peers(raw: Sequence[Mapping[str, Any]] | Denied) -> tuple[Peer, ...]:
    found = () if isinstance(raw, Denied) else tuple(peer(one) for one in raw)
    return tuple(sorted(found, key=lambda one: one.address))


def peer(raw: Mapping[str, Any]) -> Peer:
    """Read an entry of SENTINEL MASTER, REPLICAS or SENTINELS."""
    return Peer(
        address=Address(str(raw.get("ip", "")), int(raw.get("port", 0))),
        run_id=str(raw.get("runid", "")),
        flags=frozenset(str(raw.get("flags", "")).split(",")) - {""},
    )


def _no_quorum(client: Any, master: str) -> str | Denied:
    try:
        answer = ask(lambda: client.execute_command("SENTINEL", "CKQUORUM", master))
    except ResponseError as error:
        return reason(error)
    return answer if isinstance(answer, Denied) else ""


def _identity(client: Any) -> str:
    try:
        answer = ask(lambda: client.execute_command("SENTINEL", "MYID"))
    except ResponseError:
        # Before Redis 6.2 there is no such subcommand.
        return ""
    return "" if isinstance(answer, Denied) else str(answer)


def _ping_period(client: Any) -> int | None:
    try:
        answer = ask(lambda: periods(client))
    except ResponseError:
        return None
    return None if isinstance(answer, Denied) else answer.get("ping-period")


def periods(client: Any) -> dict[str, int]:
    """Return a sentinel's own periods, in milliseconds, by name: how often it sends INFO, PING and so on.

    Args:
        client: of the sentinel.

    Raises:
        ResponseError: Redis is older than 7, or the user has no right to ask.
    """
    answer = client.execute_command("SENTINEL", "DEBUG")
    return {str(name).lower(): int(value) for name, value in zip(answer[::2], answer[1::2], strict=False)}


def _rewritten(client: Any) -> str | Denied:
    try:
        answer = ask(lambda: client.execute_command("SENTINEL", "FLUSHCONFIG"))
    except ResponseError as error:
        return reason(error)
    return answer if isinstance(answer, Denied) else ""
