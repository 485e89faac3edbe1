"""What is judged of sentinels: that they would act, agree, and can lose one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from optimus_ops.redis.check_result import Check, not_allowed
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.replication_checks import RESET, config_file_check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from optimus_ops.redis.check_result import Verdict
    from optimus_ops.redis.model import Address, MonitoredMaster, Sentinel, Topology

GROUP = "sentinels"
DEFAULT_DOWN_AFTER = 30_000
STAGGERED = 2
"""How many times the shortest down-after the longest may be."""
LEARNING_SECONDS = 30
"""A sentinel that was just started learns of replicas by INFO, which it sends every ten seconds."""
DOWN = frozenset({"s_down", "o_down", "disconnected"})


def check_sentinel(topology: Topology, sentinel: Sentinel) -> Iterator[Check]:
    """Judge one sentinel."""
    name = sentinel.node.name
    if sentinel.unreachable_reason:
        hint = sentinel.hint or "start it again"
        if sentinel.node.listed:
            hint += f"; if it is gone for good: {RESET} {sentinel.node.listed}"
        yield Check(name, "ping", "failed", f"{sentinel.node.address}: {sentinel.unreachable_reason}", hint)
        return
    yield Check(name, "ping", "ok", f"watches {', '.join(sentinel.names) or 'nothing'}")
    if sentinel.monitored is None:
        hint = f"SENTINEL MONITOR {topology.master} … there, as the others have it"
        yield Check(name, "master", "failed", f"knows no master {topology.master!r}", hint)
        return
    if isinstance(sentinel.monitored, NotPermitted):
        yield not_allowed(name, "master", sentinel.monitored, "SENTINEL MASTER")
        return
    yield check_master(topology, sentinel, sentinel.monitored)
    yield check_quorum(name, sentinel.monitored)
    yield check_known_replicas(topology, sentinel, sentinel.monitored)
    yield check_known_sentinels(topology, sentinel, sentinel.monitored)
    yield check_tilt(sentinel)
    if sentinel.config_file is None:
        yield not_allowed(name, "config file", NotPermitted("the user has no right to ask"), "INFO")
    else:
        yield config_file_check(name, sentinel.config_file, sentinel.rewritten, "SENTINEL FLUSHCONFIG")


def check_master(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Check:
    """Judge the master as this sentinel sees it: reachable, and in truth a master."""
    name, shown = sentinel.node.name, topology.addresses.shown(watch.master.address)
    down = sorted(watch.master.flags & DOWN)
    figures = {"master": str(watch.master.address), "flags": ",".join(sorted(watch.master.flags))}
    if down:
        hint = "a fail-over should follow; if none does, see CKQUORUM and redundancy"
        return Check(name, "master", "failed", f"{shown} is {', '.join(down)}", hint, figures)
    if "failover_in_progress" in watch.master.flags:
        return Check(name, "master", "warning", f"{shown}, a fail-over is under way", "wait until it is done", figures)
    named = [one for one in topology.members if topology.addresses.same(one.node.address, watch.master.address)]
    if not named:
        hint = f"it watches a server that is none of these; {RESET} {topology.master}"
        return Check(name, "master", "failed", f"{shown} is none of the servers", hint, figures)
    if any(one.role == "replica" for one in named):
        hint = f"it would promote no one while it thinks so: wait for it to notice; else {RESET} {topology.master}"
        return Check(name, "master", "failed", f"{shown} is a replica in truth", hint, figures)
    return Check(name, "master", "ok", shown, figures=figures)


def check_quorum(name: str, watch: MonitoredMaster) -> Check:
    """Judge what SENTINEL CKQUORUM says."""
    if isinstance(watch.no_quorum, NotPermitted):
        return not_allowed(name, "CKQUORUM", watch.no_quorum, "SENTINEL CKQUORUM")
    if watch.no_quorum:
        hint = "no fail-over would happen: bring the other sentinels back, and look at the network between them"
        return Check(name, "CKQUORUM", "failed", watch.no_quorum, hint)
    return Check(name, "CKQUORUM", "ok", f"quorum {watch.quorum} and majority are reachable")


def check_known_replicas(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Check:
    """Judge whether the replicas that it knows are exactly those that there are."""
    there = [
        server.node.address
        for server in topology.members
        if not topology.addresses.same(server.node.address, watch.master.address)
    ]
    return _known(topology, sentinel, watch, "replicas", there)


def check_known_sentinels(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Check:
    """Judge whether the other sentinels that it knows are exactly those that there are."""
    others = [one.node.address for one in topology.sentinels if one.node != sentinel.node]
    return _known(topology, sentinel, watch, "sentinels", others)


def _known(
    topology: Topology, sentinel: Sentinel, watch: MonitoredMaster, kind: str, there: Sequence[Address]
) -> Check:
    if watch.unlisted is not None:
        return not_allowed(sentinel.node.name, f"known {kind}", watch.unlisted, f"SENTINEL {kind.upper()}")
    peers = watch.replicas if kind == "replicas" else watch.sentinels
    directory = topology.addresses
    known = {directory.canonical(peer.address) for peer in peers}
    expected = {directory.canonical(address) for address in there}
    unknown = [directory.shown(address) for address in there if directory.canonical(address) not in known]
    extra = [directory.shown(peer.address) for peer in peers if directory.canonical(peer.address) not in expected]
    lost = [
        directory.shown(peer.address) for peer in peers if peer.stale and directory.canonical(peer.address) in expected
    ]
    found = f"{len(peers)} of {len(there)}"
    figures = {"known": len(peers), "there": len(there), "stale": len(extra), "unreachable": len(lost)}
    counted = [directory.canonical(peer.address) for peer in peers]
    twice = [directory.shown(peer.address) for number, peer in enumerate(peers) if counted[number] in counted[:number]]
    problems = [
        *([f"there twice: {_listed(twice)}"] if twice else []),
        *([f"stale: {_listed(extra)}"] if extra else []),
        *([f"unknown to it: {_listed(unknown)}"] if unknown else []),
        *([f"unreachable for it: {_listed(lost)}"] if lost else []),
    ]
    if not problems:
        return Check(sentinel.node.name, f"known {kind}", "ok", found, figures=figures)
    hints = [
        *([f"one server under two addresses counts as two; {RESET} {topology.master}"] if twice else []),
        *([f"stale entries count in elections and may be promoted; {RESET} {topology.master}"] if extra else []),
        *(["it learns of others through the master within some seconds: are they on it?"] if unknown else []),
        *([f"start them, or if they are gone for good, {RESET} {topology.master}"] if lost else []),
    ]
    young = sentinel.uptime is not None and sentinel.uptime < LEARNING_SECONDS
    verdict: Verdict = "warning" if young and not extra and not lost and not twice else "failed"
    said = f"{found}; {'; '.join(problems)}"
    return Check(sentinel.node.name, f"known {kind}", verdict, said, "; ".join(hints), figures)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def check_tilt(sentinel: Sentinel) -> Check:
    """Judge whether it acts at all."""
    if sentinel.tilt is None:
        return not_allowed(sentinel.node.name, "tilt", NotPermitted("the user has no right to ask"), "INFO")
    if sentinel.tilt:
        hint = "its clock jumped or it hung for 2 s (DNS? a frozen host?): it does nothing for 30 s after each"
        return Check(sentinel.node.name, "tilt", "failed", "in TILT: it does not act", hint)
    return Check(sentinel.node.name, "tilt", "ok", "none")


def check_group(topology: Topology) -> Iterator[Check]:
    """Judge the sentinels together."""
    if not topology.sentinels:
        return
    watches = [(one, one.monitored) for one in topology.sentinels if _watches(one.monitored)]
    if not watches:
        return
    known = [(one, watch) for one, watch in watches if watch is not None and not isinstance(watch, NotPermitted)]
    gone = [one.node.name for one in topology.sentinels if one.unreachable_reason and one.node.listed]
    check = check_tolerance(len(topology.sentinels), max(watch.quorum for _one, watch in known))
    if gone and check.hint:
        forget = f"if {', '.join(gone)} is gone for good, {RESET} {topology.master}"
        check = replace(check, hint=f"{check.hint}; {forget}")
    yield check
    yield check_agreement(topology, known)
    yield check_settings(known)


def _watches(watch: MonitoredMaster | NotPermitted | None) -> bool:
    return watch is not None and not isinstance(watch, NotPermitted)


def check_tolerance(count: int, quorum: int) -> Check:
    """Judge whether one sentinel may be lost.

    A fail-over needs `quorum` sentinels that see the master down, then a majority of all that elects a leader.

    Args:
        count: sentinels.
        quorum: sentinels that must agree.
    """
    majority = count // 2 + 1
    found = f"{count} sentinels, quorum {quorum}, majority {majority}"
    figures = {"sentinels": count, "quorum": quorum, "majority": majority}
    if count < 3:
        hint = "with one sentinel lost there is no majority and no fail-over: run three"
        return Check(GROUP, "number", "failed", found, hint, figures)
    if count % 2 == 0:
        hint = f"{count} can lose no more than {count - 1}, and two halves that can't see each other do nothing"
        return Check(GROUP, "number", "failed", found, f"{hint}: run {count - 1} or {count + 1}", figures)
    if quorum > count - 1:
        hint = f"with one sentinel lost there is no quorum and no fail-over: SENTINEL SET … quorum {majority}"
        return Check(GROUP, "number", "failed", found, hint, figures)
    if quorum < 2:
        hint = f"one sentinel that can't see the master starts a fail-over: SENTINEL SET … quorum {majority}"
        return Check(GROUP, "number", "warning", found, hint, figures)
    losable = count - max(quorum, majority)
    return Check(GROUP, "number", "ok", f"{found}: {losable} may be lost", figures=figures)


def check_agreement(topology: Topology, watches: Sequence[tuple[Sentinel, MonitoredMaster]]) -> Check:
    """Judge whether all sentinels name the same master, at the same address, with the same quorum."""
    named: dict[tuple[Address, int, int], list[str]] = {}
    for sentinel, watch in watches:
        known_as = topology.addresses.canonical(watch.master.address)
        named.setdefault((known_as, watch.epoch, watch.quorum), []).append(sentinel.node.name)
    identities = [sentinel.identity for sentinel, _watch in watches if sentinel.identity]
    twins = len(set(identities)) < len(identities)
    if twins:
        hint = "each takes the other for itself: delete the line `sentinel myid` from a copied file, and start it again"
        return Check(GROUP, "agreement", "failed", "two sentinels have the same id", hint)
    if len(named) == 1:
        [(_known_as, epoch, _quorum)] = named
        address = watches[0][1].master.address
        found = f"all name {topology.addresses.shown(address)}, epoch {epoch}"
        return Check(GROUP, "agreement", "ok", found, figures={"master": str(address), "epoch": epoch})
    found = "; ".join(
        f"{', '.join(names)}: {address}, epoch {epoch}, quorum {quorum}"
        for (address, epoch, quorum), names in named.items()
    )
    hint = f"clients are led to different servers: wait a few seconds and look again; if it stays, {RESET}"
    return Check(GROUP, "agreement", "failed", found, f"{hint} {topology.master} where it is wrong")


def check_settings(watches: Sequence[tuple[Sentinel, MonitoredMaster]]) -> Check:
    """Judge the times of a fail-over: chosen, and the same everywhere.

    Sentinels may see a master as down one after the other on purpose: those that do so together may all want to lead.
    """
    downs = {watch.down_after for _one, watch in watches}
    others = {(watch.failover_timeout, watch.parallel_syncs) for _one, watch in watches}
    down_after, (failover_timeout, parallel_syncs) = max(downs), max(others)
    found = "; ".join(
        [
            f"down-after {' and '.join(str(down) for down in sorted(downs))} ms",
            *(f"failover-timeout {timeout} ms, parallel-syncs {syncs}" for timeout, syncs in sorted(others)),
        ]
    )
    figures = {
        "down_after_milliseconds": down_after,
        "failover_timeout_milliseconds": failover_timeout,
        "parallel_syncs": parallel_syncs,
    }
    if len(others) > 1 or down_after > min(downs) * STAGGERED:
        hint = "each sentinel has its own settings: SENTINEL SET on each of them"
        return Check(GROUP, "settings", "warning", found, hint, figures)
    if down_after >= DEFAULT_DOWN_AFTER:
        hint = f"no write for at least {down_after / 1000:.0f} s after a master's death: down-after-milliseconds 500"
        return Check(GROUP, "settings", "warning", found, hint, figures)
    slow = [one.node.name for one, watch in watches if (one.ping_period or 0) > watch.down_after]
    if slow:
        hint = (
            "cut off from a master that was just promoted, they take it for dead before they renew the link, and make"
        )
        hint += f" another fail-over: after each start of theirs SENTINEL DEBUG ping-period {min(downs) * 4 // 5}"
        found += f"; {', '.join(slow)} may be without a link for longer than down-after"
        return Check(GROUP, "settings", "warning", found, hint, figures)
    return Check(GROUP, "settings", "ok", found, figures=figures)
