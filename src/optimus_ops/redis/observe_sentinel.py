"""Observing one sentinel. Nothing is changed, unless writing its state file is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from optimus_ops.redis.client import NOT_OFFERED, ODD, ask, attempt, cause_of, refusal
from optimus_ops.redis.model import Address, MonitoredMaster, NotPermitted, Peer, Sentinel
from optimus_ops.redis.trouble import ODD_ANSWER, code_of, explain
from optimus_ops.redis.values import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optimus_ops.redis.model import Node

QUORUM_CODES = frozenset({"NOQUORUM", "NOGOODSLAVE"})


def observe_sentinel(node: Node, connect: Callable[[], Any], master: str, *, rewrite: bool = False) -> Sentinel:
    """Look at a sentinel.

    Args:
        node: which.
        connect: makes a client of it.
        master: the name of the master in question; "" stands for the only one that it watches.
        rewrite: whether SENTINEL FLUSHCONFIG is tried, which writes what it knows into its own file once more.
    """
    if node.absence:
        return Sentinel(node, unreachable_reason=node.absence)
    try:
        with connect() as client:
            try:
                return _observe(node, client, master, rewrite=rewrite)
            except RedisConnectionError as error:
                trouble = explain(cause_of(client, error))
    except ODD as error:
        trouble = explain(error)
    return Sentinel(node, unreachable_reason=trouble.reason, hint=trouble.hint)


def _observe(node: Node, client: Any, master: str, *, rewrite: bool) -> Sentinel:
    _greet(client)
    masters = ask(lambda: tuple(sorted(str(name) for name in client.sentinel_masters())))
    names = () if isinstance(masters, NotPermitted) else masters
    answer = ask(client.info)
    info: Mapping[str, Any] | NotPermitted = (
        answer if isinstance(answer, dict | NotPermitted) else NotPermitted(ODD_ANSWER.reason)
    )
    if _is_server(masters, info):
        hint = f"a sentinel's usual port is 26379; to look at this server: --url redis://{node.address}"
        return Sentinel(node, unreachable_reason="it is a Redis server and no sentinel", hint=hint)
    asked = master or (names[0] if len(names) == 1 else "")
    return Sentinel(
        node,
        names=names,
        monitored=_monitored(client, asked) if isinstance(masters, NotPermitted) or asked in names else None,
        tilt=None if isinstance(info, NotPermitted) else bool(count_of(info, "sentinel_tilt")),
        identity=_identity(client),
        config_file=None if isinstance(info, NotPermitted) else str(info.get("config_file", "")),
        rewritten=attempt(lambda: client.execute_command("SENTINEL", "FLUSHCONFIG")) if rewrite else None,
        uptime=None if isinstance(info, NotPermitted) else count_of(info, "uptime_in_seconds"),
        run_id="" if isinstance(info, NotPermitted) else str(info.get("run_id", "")),
        ping_period=_ping_period(client),
    )


def _greet(client: Any) -> None:
    """Say PING; a sentinel that lets the user say only something else answers all the same.

    Raises:
        RedisError: it does not answer.
    """
    try:
        client.ping()
    except NoPermissionError:
        return


def _is_server(masters: tuple[str, ...] | NotPermitted, info: Mapping[str, Any] | NotPermitted) -> bool:
    """Tell whether a server listens there: it says so, or says nothing and has no list of masters either."""
    if not isinstance(info, NotPermitted):
        mode = info.get("redis_mode", info.get("server_mode"))
        return mode != "sentinel" if mode else isinstance(masters, NotPermitted)
    return isinstance(masters, NotPermitted) and masters.reason == NOT_OFFERED


def _monitored(client: Any, master: str) -> MonitoredMaster | NotPermitted | None:
    raw = ask(lambda: dict(client.sentinel_master(master)))
    if isinstance(raw, NotPermitted):
        return raw
    lists = (_peers(lambda: client.sentinel_slaves(master)), _peers(lambda: client.sentinel_sentinels(master)))
    replicas, sentinels = (() if isinstance(one, NotPermitted) else one for one in lists)
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
        unlisted=next((one for one in lists if isinstance(one, NotPermitted)), None),
    )


def _peers(question: Callable[[], Sequence[Mapping[str, Any]]]) -> tuple[Peer, ...] | NotPermitted:
    found = ask(lambda: [peer(one) for one in question()])
    return found if isinstance(found, NotPermitted) else tuple(sorted(found, key=lambda one: one.address))


def peer(raw: Mapping[str, Any]) -> Peer:
    """Read an entry of SENTINEL MASTER, REPLICAS or SENTINELS."""
    return Peer(
        address=Address(str(raw.get("ip", "")), count_of(raw, "port")),
        run_id=str(raw.get("runid", "")),
        flags=frozenset(str(raw.get("flags", "")).split(",")) - {""},
    )


def _no_quorum(client: Any, master: str) -> str | NotPermitted:
    try:
        return "" if client.execute_command("SENTINEL", "CKQUORUM", master) else NotPermitted(ODD_ANSWER.reason)
    except ResponseError as error:
        # Whatever else it says is about the question.
        return str(error) if code_of(error) in QUORUM_CODES else NotPermitted(refusal(error))
    except ODD as error:
        return NotPermitted(refusal(error))


def _identity(client: Any) -> str:
    # Before Redis 6.2 there is no such subcommand.
    answer = ask(lambda: client.execute_command("SENTINEL", "MYID"))
    return answer if isinstance(answer, str) else ""


def _ping_period(client: Any) -> int | None:
    answer = ask(lambda: periods(client))
    return None if isinstance(answer, NotPermitted) else answer.get("ping-period")


def periods(client: Any) -> dict[str, int]:
    """Return a sentinel's own periods, in milliseconds, by name: how often it sends INFO, PING and so on.

    Args:
        client: of the sentinel.

    Raises:
        ResponseError: Redis is older than 7, or the user has no right to ask.
    """
    answer = client.execute_command("SENTINEL", "DEBUG")
    return {str(name).lower(): int(value) for name, value in zip(answer[::2], answer[1::2], strict=False)}
