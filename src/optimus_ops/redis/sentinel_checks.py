"""Checks of sentinels: that they would act, agree, and can lose one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optimus_ops.checks.model import Check
from optimus_ops.redis.check_rules import (
    RESET,
    CheckRow,
    Judgement,
    Problem,
    check_rows,
    conclude,
    config_file,
    failed,
    found,
    warning,
)
from optimus_ops.redis.model import Topology
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.sentinel import DOWN_FLAGS, MonitoredMaster, Peer, Sentinel

Judge = Callable[[Topology, Sentinel, MonitoredMaster], Judgement]
Watching = Sequence[tuple[Sentinel, MonitoredMaster]]


GROUP = "sentinels"
DEFAULT_DOWN_AFTER = 30_000
STAGGERED = 2
"""How many times the shortest down-after the longest may be."""
LEARNING_SECONDS = 30
"""A sentinel that was just started learns of replicas by INFO, which it sends every ten seconds."""
NO_PERMISSION = NotPermitted("the user has no right to ask")


def check_sentinel(topology: Topology, sentinel: Sentinel) -> Iterator[Check]:
    """Check one sentinel; nothing more is said of one that does not know the master."""
    known = isinstance(sentinel.monitored, MonitoredMaster)
    yield from check_rows(SENTINEL_CHECKS if known else SENTINEL_CHECKS[:2], topology, sentinel)


def _ping(_topology: Topology, sentinel: Sentinel) -> Judgement:
    yield found(f"watches {', '.join(sentinel.names) or 'nothing'}")


def _master(topology: Topology, sentinel: Sentinel) -> Judgement:
    """Judge the master as this sentinel reports it: reachable, and a master by its own report."""
    watch = sentinel.monitored
    if not isinstance(watch, MonitoredMaster):
        yield found(f"knows no master {topology.master!r}")
        yield failed(f"SENTINEL MONITOR {topology.master} … there, as the others have it")
        return
    address, flags = watch.master.address, watch.master.flags
    figures = {"master": str(address), "flags": ",".join(sorted(flags))}
    shown, reset = topology.addresses.shown(address), f"{RESET} {topology.master}"
    roles = [server.role for server in topology.members if topology.addresses.same(server.node.address, address)]
    if down := sorted(flags & DOWN_FLAGS):
        yield found(f"{shown} is {', '.join(down)}", **figures)
        yield failed("a fail-over should follow; if none does, see CKQUORUM and redundancy")
    elif "failover_in_progress" in flags:
        yield found(f"{shown}, a fail-over is under way", **figures)
        yield warning("wait until it is done")
    elif not roles:
        yield found(f"{shown} is none of the servers", **figures)
        yield failed(f"it watches a server that is none of these; {reset}")
    elif "replica" in roles:
        yield found(f"{shown} is a replica in truth", **figures)
        yield failed(f"it would promote no one while it thinks so: wait for it to notice; else {reset}")
    else:
        yield found(shown, **figures)


def _quorum(_topology: Topology, _sentinel: Sentinel, watch: MonitoredMaster) -> Judgement:
    yield found(str(watch.no_quorum or f"quorum {watch.quorum} and majority are reachable"))
    if watch.no_quorum:
        yield failed("no fail-over would happen: bring the other sentinels back, and look at the network between them")


def _known_replicas(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Judgement:
    members = (server.node.address for server in topology.members)
    there = [address for address in members if not topology.addresses.same(address, watch.master.address)]
    return _known(topology, sentinel, watch.replicas, there)


def _known_sentinels(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Judgement:
    there = [other.node.address for other in topology.sentinels if other.node != sentinel.node]
    return _known(topology, sentinel, watch.sentinels, there)


def _known(topology: Topology, sentinel: Sentinel, peers: Sequence[Peer], there: Sequence[Address]) -> Judgement:
    """Judge whether a sentinel knows exactly the replicas, or other sentinels, that there are."""
    book = topology.addresses
    counted = [book.canonical(peer.address) for peer in peers]
    expected = {book.canonical(address) for address in there}
    extra = [peer.address for peer in peers if book.canonical(peer.address) not in expected]
    lost = [peer.address for peer in peers if peer.stale and book.canonical(peer.address) in expected]
    unknown = [address for address in there if book.canonical(address) not in counted]
    twice = [peer.address for at, peer in enumerate(peers) if counted[at] in counted[:at]]
    reset = f"{RESET} {topology.master}"
    problems = [
        (twice, "there twice", f"one server under two addresses counts as two; {reset}"),
        (extra, "stale", f"stale entries count in elections and may be promoted; {reset}"),
        (unknown, "unknown to it", "it learns of others through the master within some seconds: are they on it?"),
        (lost, "unreachable for it", f"start them, or if they are gone for good, {reset}"),
    ]
    named = [f"{problem}: {', '.join(sorted(map(book.shown, at)))}" for at, problem, _hint in problems if at]
    yield found(
        "; ".join([f"{len(peers)} of {len(there)}", *named]),
        known=len(peers),
        there=len(there),
        stale=len(extra),
        unreachable=len(lost),
    )
    learning = sentinel.uptime is not None and sentinel.uptime < LEARNING_SECONDS
    if named:
        only_unknown = not (extra or lost or twice)
        hint = "; ".join(hint for at, _problem, hint in problems if at)
        yield Problem("warning" if learning and only_unknown else "failed", hint)


def _config_file(sentinel: Sentinel) -> Judgement:
    return config_file(sentinel.config_file or "", sentinel.rewritten, "SENTINEL FLUSHCONFIG")


def _tilt(sentinel: Sentinel) -> Judgement:
    yield found("in TILT: it does not act" if sentinel.tilt else "none")
    if sentinel.tilt:
        yield failed("its clock jumped or it hung for 2 s (DNS? a frozen host?): it does nothing for 30 s after each")


def _of_watch(name: str, command: str, answer: Callable[[MonitoredMaster], object], judge: Judge) -> CheckRow[Sentinel]:
    """Return a check that applies where the sentinel knows the master."""

    def judge_of(topology: Topology, sentinel: Sentinel) -> Judgement:
        watch = sentinel.monitored
        return judge(topology, sentinel, watch) if isinstance(watch, MonitoredMaster) else iter(())

    def answer_of(_topology: Topology, sentinel: Sentinel) -> object:
        return answer(sentinel.monitored) if isinstance(sentinel.monitored, MonitoredMaster) else None

    return CheckRow(name, command, answer_of, judge_of)


def _of_info(
    name: str, value: Callable[[Sentinel], object], judge: Callable[[Sentinel], Judgement]
) -> CheckRow[Sentinel]:
    """Return a check of what INFO reports."""
    return CheckRow(
        name,
        "INFO",
        lambda _, sentinel: NO_PERMISSION if value(sentinel) is None else True,
        lambda _, sentinel: judge(sentinel),
    )


SENTINEL_CHECKS: tuple[CheckRow[Sentinel], ...] = (
    CheckRow("ping", "PING", lambda _topology, _sentinel: True, _ping),
    CheckRow("master", "SENTINEL MASTER", lambda _topology, sentinel: sentinel.monitored or True, _master),
    _of_watch("CKQUORUM", "SENTINEL CKQUORUM", lambda watch: watch.no_quorum, _quorum),
    _of_watch("known replicas", "SENTINEL REPLICAS", lambda watch: watch.unlisted or True, _known_replicas),
    _of_watch("known sentinels", "SENTINEL SENTINELS", lambda watch: watch.unlisted or True, _known_sentinels),
    _of_info("tilt", lambda sentinel: sentinel.tilt, _tilt),
    _of_info("config file", lambda sentinel: sentinel.config_file, _config_file),
)


def check_group(topology: Topology) -> Iterator[Check]:
    """Check the sentinels together; nothing is said where none of them knows the master."""
    watching = [
        (sentinel, sentinel.monitored)
        for sentinel in topology.sentinels
        if isinstance(sentinel.monitored, MonitoredMaster)
    ]
    if watching:
        quorum = max(watch.quorum for _sentinel, watch in watching)
        gone = [item.node.name for item in topology.sentinels if item.unreachable_reason and item.node.listed]
        forgotten = f"; if {', '.join(gone)} is gone for good, {RESET} {topology.master}" if gone else ""
        yield from conclude(GROUP, "number", tolerance(len(topology.sentinels), quorum, forgotten))
        yield from conclude(GROUP, "agreement", _agreement(topology, watching))
        yield from conclude(GROUP, "settings", _settings(watching))


def tolerance(count: int, quorum: int, forgotten: str = "") -> Judgement:
    """Judge whether one of `count` sentinels may be lost; `forgotten` is added to what to do."""
    # A failover needs `quorum` sentinels that see the master down, then a majority of all that elects a leader.
    majority = count // 2 + 1
    losable = count - max(quorum, majority)
    problem: Problem | None = None
    if count < 3:
        problem = failed("with one sentinel lost there is no majority and no fail-over: run three")
    elif count % 2 == 0:
        halves = "two halves that can't see each other do nothing"
        problem = failed(f"{count} can lose no more than {count - 1}, and {halves}: run {count - 1} or {count + 1}")
    elif quorum > count - 1:
        problem = failed(
            f"with one sentinel lost there is no quorum and no fail-over: SENTINEL SET … quorum {majority}"
        )
    elif quorum < 2:
        alone = "one sentinel that can't see the master starts a fail-over"
        problem = warning(f"{alone}: SENTINEL SET … quorum {majority}")
    shown = f"{count} sentinels, quorum {quorum}, majority {majority}"
    rest = "" if problem else f": {losable} may be lost"
    yield found(f"{shown}{rest}", sentinels=count, quorum=quorum, majority=majority)
    if problem:
        yield problem._replace(hint=f"{problem.hint}{forgotten}")


def _agreement(topology: Topology, watching: Watching) -> Judgement:
    """Judge whether all sentinels name the same master, at the same address, with the same quorum."""
    named: dict[tuple[Address, int, int], list[str]] = {}
    for sentinel, watch in watching:
        known_as = topology.addresses.canonical(watch.master.address)
        named.setdefault((known_as, watch.epoch, watch.quorum), []).append(sentinel.node.name)
    identities = [sentinel.identity for sentinel, _watch in watching if sentinel.identity]
    if len(set(identities)) < len(identities):
        yield found("two sentinels have the same id")
        remedy = "delete the line `sentinel myid` from a copied file, and start it again"
        yield failed(f"each takes the other for itself: {remedy}")
    elif len(named) == 1:
        address, epoch = watching[0][1].master.address, watching[0][1].epoch
        yield found(f"all name {topology.addresses.shown(address)}, epoch {epoch}", master=str(address), epoch=epoch)
    else:
        differing = (f"{', '.join(names)}: {at}, epoch {epoch}, quorum {q}" for (at, epoch, q), names in named.items())
        yield found("; ".join(differing))
        hint = f"clients are led to different servers: wait a few seconds and look again; if it stays, {RESET}"
        yield failed(f"{hint} {topology.master} where it is wrong")


def _settings(watching: Watching) -> Judgement:
    # They may see a master as down one after the other on purpose: those that do so together may all want to lead.
    downs = {watch.down_after for _sentinel, watch in watching}
    others = {(watch.failover_timeout, watch.parallel_syncs) for _sentinel, watch in watching}
    down_after, (failover_timeout, parallel_syncs) = max(downs), max(others)
    slow = [sentinel.node.name for sentinel, watch in watching if (sentinel.ping_period or 0) > watch.down_after]
    differing = len(others) > 1 or down_after > min(downs) * STAGGERED
    unlinked = not differing and down_after < DEFAULT_DOWN_AFTER and slow
    shown = [
        f"down-after {' and '.join(str(down) for down in sorted(downs))} ms",
        *(f"failover-timeout {timeout} ms, parallel-syncs {syncs}" for timeout, syncs in sorted(others)),
        *([f"{', '.join(slow)} may be without a link for longer than down-after"] if unlinked else []),
    ]
    yield found(
        "; ".join(shown),
        down_after_milliseconds=down_after,
        failover_timeout_milliseconds=failover_timeout,
        parallel_syncs=parallel_syncs,
    )
    if differing:
        yield warning("each sentinel has its own settings: SENTINEL SET on each of them")
    if down_after >= DEFAULT_DOWN_AFTER:
        seconds = f"{down_after / 1000:.0f} s"
        yield warning(f"no write for at least {seconds} after a master's death: down-after-milliseconds 500")
    if unlinked:
        yield warning(
            "cut off from a master that was just promoted, they take it for dead before they renew the link, and make "
            f"another fail-over: after each start of theirs SENTINEL DEBUG ping-period {min(downs) * 4 // 5}"
        )
