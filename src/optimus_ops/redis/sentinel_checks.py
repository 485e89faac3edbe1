"""Checks of sentinels: that they would act, agree, and can lose one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from optimus_ops.redis.check_rules import RESET, CheckRow, Outcome, check_rows, config_file, failed, first_rule, warning
from optimus_ops.redis.model import DOWN_FLAGS, MonitoredMaster, NotPermitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from optimus_ops.checks.model import Check
    from optimus_ops.redis.model import Address, Sentinel, Topology

    Judge = Callable[[Topology, Sentinel, MonitoredMaster], Outcome]
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


def _ping(_topology: Topology, sentinel: Sentinel) -> Outcome:
    return Outcome("ok", f"watches {', '.join(sentinel.names) or 'nothing'}")


def _master(topology: Topology, sentinel: Sentinel) -> Outcome:
    """Judge the master as this sentinel reports it: reachable, and a master by its own report."""
    watch = sentinel.monitored
    if not isinstance(watch, MonitoredMaster):
        hint = f"SENTINEL MONITOR {topology.master} … there, as the others have it"
        return Outcome("failed", f"knows no master {topology.master!r}", hint)
    address, flags = watch.master.address, watch.master.flags
    shown, down = topology.addresses.shown(address), sorted(flags & DOWN_FLAGS)
    figures = {"master": str(address), "flags": ",".join(sorted(flags))}
    roles = [server.role for server in topology.members if topology.addresses.same(server.node.address, address)]
    if down:
        hint = "a fail-over should follow; if none does, see CKQUORUM and redundancy"
        return Outcome("failed", f"{shown} is {', '.join(down)}", hint, figures)
    if "failover_in_progress" in flags:
        return Outcome("warning", f"{shown}, a fail-over is under way", "wait until it is done", figures)
    if not roles:
        hint = f"it watches a server that is none of these; {RESET} {topology.master}"
        return Outcome("failed", f"{shown} is none of the servers", hint, figures)
    if "replica" in roles:
        hint = f"it would promote no one while it thinks so: wait for it to notice; else {RESET} {topology.master}"
        return Outcome("failed", f"{shown} is a replica in truth", hint, figures)
    return Outcome("ok", shown, "", figures)


def _quorum(_topology: Topology, _sentinel: Sentinel, watch: MonitoredMaster) -> Outcome:
    hint = "no fail-over would happen: bring the other sentinels back, and look at the network between them"
    found = f"quorum {watch.quorum} and majority are reachable"
    return first_rule(str(watch.no_quorum or found), {}, failed(watch.no_quorum, hint))


def _known(kind: str) -> Judge:
    """Return the check that a sentinel knows exactly the replicas, or other sentinels, that there are."""

    def judge(topology: Topology, sentinel: Sentinel, watch: MonitoredMaster) -> Outcome:
        book = topology.addresses
        if kind == "sentinels":
            there = [other.node.address for other in topology.sentinels if other.node != sentinel.node]
        else:
            members = (server.node.address for server in topology.members)
            there = [address for address in members if not book.same(address, watch.master.address)]
        peers = watch.replicas if kind == "replicas" else watch.sentinels
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
        named = [f"{problem}: {_named(map(book.shown, listed))}" for listed, problem, _hint in problems if listed]
        hints = [hint for listed, _problem, hint in problems if listed]
        learning = sentinel.uptime is not None and sentinel.uptime < LEARNING_SECONDS
        return first_rule(
            "; ".join([f"{len(peers)} of {len(there)}", *named]),
            {"known": len(peers), "there": len(there), "stale": len(extra), "unreachable": len(lost)},
            warning(unknown and learning and not (extra or lost or twice), "; ".join(hints)),
            failed(named, "; ".join(hints)),
        )

    return judge


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _config_file(sentinel: Sentinel) -> Outcome:
    return config_file(sentinel.config_file or "", sentinel.rewritten, "SENTINEL FLUSHCONFIG")


def _tilt(sentinel: Sentinel) -> Outcome:
    hint = "its clock jumped or it hung for 2 s (DNS? a frozen host?): it does nothing for 30 s after each"
    return first_rule("in TILT: it does not act" if sentinel.tilt else "none", {}, failed(sentinel.tilt, hint))


def _of_watch(name: str, command: str, answer: Callable[[MonitoredMaster], object], judge: Judge) -> CheckRow[Sentinel]:
    """Return a check that applies where the sentinel knows the master."""

    def answer_of(_topology: Topology, sentinel: Sentinel) -> object:
        return answer(sentinel.monitored) if isinstance(sentinel.monitored, MonitoredMaster) else None

    def judge_of(topology: Topology, sentinel: Sentinel) -> Outcome | None:
        watch = sentinel.monitored
        return judge(topology, sentinel, watch) if isinstance(watch, MonitoredMaster) else None

    return CheckRow(name, command, answer_of, judge_of)


def _of_info(
    name: str, value: Callable[[Sentinel], object], judge: Callable[[Sentinel], Outcome]
) -> CheckRow[Sentinel]:
    """Return a check of what INFO reports."""

    def answer(_topology: Topology, sentinel: Sentinel) -> object:
        return NO_PERMISSION if value(sentinel) is None else True

    return CheckRow(name, "INFO", answer, lambda _topology, sentinel: judge(sentinel))


SENTINEL_CHECKS: tuple[CheckRow[Sentinel], ...] = (
    CheckRow("ping", "PING", lambda _topology, _sentinel: True, _ping),
    CheckRow("master", "SENTINEL MASTER", lambda _topology, sentinel: sentinel.monitored or True, _master),
    _of_watch("CKQUORUM", "SENTINEL CKQUORUM", lambda watch: watch.no_quorum, _quorum),
    _of_watch("known replicas", "SENTINEL REPLICAS", lambda watch: watch.unlisted or True, _known("replicas")),
    _of_watch("known sentinels", "SENTINEL SENTINELS", lambda watch: watch.unlisted or True, _known("sentinels")),
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
    if not watching:
        return
    outcome = check_tolerance(len(topology.sentinels), max(watch.quorum for _sentinel, watch in watching))
    gone = [item.node.name for item in topology.sentinels if item.unreachable_reason and item.node.listed]
    if gone and outcome.hint:
        hint = f"{outcome.hint}; if {', '.join(gone)} is gone for good, {RESET} {topology.master}"
        outcome = replace(outcome, hint=hint)
    yield outcome.of(GROUP, "number")
    yield _agreement(topology, watching).of(GROUP, "agreement")
    yield _settings(watching).of(GROUP, "settings")


def check_tolerance(count: int, quorum: int) -> Outcome:
    """Judge whether one of `count` sentinels may be lost.

    A failover needs `quorum` sentinels that see the master down, then a majority of all that elects a leader.
    """
    majority = count // 2 + 1
    losable = count - max(quorum, majority)
    outcome = first_rule(
        f"{count} sentinels, quorum {quorum}, majority {majority}",
        {"sentinels": count, "quorum": quorum, "majority": majority},
        failed(count < 3, "with one sentinel lost there is no majority and no fail-over: run three"),
        failed(
            count % 2 == 0,
            f"{count} can lose no more than {count - 1}, and two halves that can't see each other do nothing: "
            f"run {count - 1} or {count + 1}",
        ),
        failed(
            quorum > count - 1,
            f"with one sentinel lost there is no quorum and no fail-over: SENTINEL SET … quorum {majority}",
        ),
        warning(
            quorum < 2, f"one sentinel that can't see the master starts a fail-over: SENTINEL SET … quorum {majority}"
        ),
    )
    return replace(outcome, found=f"{outcome.found}: {losable} may be lost") if outcome.verdict == "ok" else outcome


def _agreement(topology: Topology, watching: Watching) -> Outcome:
    """Judge whether all sentinels name the same master, at the same address, with the same quorum."""
    named: dict[tuple[Address, int, int], list[str]] = {}
    for sentinel, watch in watching:
        known_as = topology.addresses.canonical(watch.master.address)
        named.setdefault((known_as, watch.epoch, watch.quorum), []).append(sentinel.node.name)
    identities = [sentinel.identity for sentinel, _watch in watching if sentinel.identity]
    if len(set(identities)) < len(identities):
        hint = "each takes the other for itself: delete the line `sentinel myid` from a copied file, and start it again"
        return Outcome("failed", "two sentinels have the same id", hint)
    if len(named) == 1:
        address, epoch = watching[0][1].master.address, watching[0][1].epoch
        found = f"all name {topology.addresses.shown(address)}, epoch {epoch}"
        return Outcome("ok", found, "", {"master": str(address), "epoch": epoch})
    found = "; ".join(
        f"{', '.join(names)}: {address}, epoch {epoch}, quorum {quorum}"
        for (address, epoch, quorum), names in named.items()
    )
    hint = f"clients are led to different servers: wait a few seconds and look again; if it stays, {RESET}"
    return Outcome("failed", found, f"{hint} {topology.master} where it is wrong")


def _settings(watching: Watching) -> Outcome:
    """Judge the times of a failover: chosen, and the same everywhere.

    Sentinels may see a master as down one after the other on purpose: those that do so together may all want to lead.
    """
    downs = {watch.down_after for _sentinel, watch in watching}
    others = {(watch.failover_timeout, watch.parallel_syncs) for _sentinel, watch in watching}
    down_after, (failover_timeout, parallel_syncs) = max(downs), max(others)
    slow = [sentinel.node.name for sentinel, watch in watching if (sentinel.ping_period or 0) > watch.down_after]
    differing = len(others) > 1 or down_after > min(downs) * STAGGERED
    unlinked = not differing and down_after < DEFAULT_DOWN_AFTER and slow
    return first_rule(
        "; ".join(
            [
                f"down-after {' and '.join(str(down) for down in sorted(downs))} ms",
                *(f"failover-timeout {timeout} ms, parallel-syncs {syncs}" for timeout, syncs in sorted(others)),
                *([f"{', '.join(slow)} may be without a link for longer than down-after"] if unlinked else []),
            ]
        ),
        {
            "down_after_milliseconds": down_after,
            "failover_timeout_milliseconds": failover_timeout,
            "parallel_syncs": parallel_syncs,
        },
        warning(differing, "each sentinel has its own settings: SENTINEL SET on each of them"),
        warning(
            down_after >= DEFAULT_DOWN_AFTER,
            f"no write for at least {down_after / 1000:.0f} s after a master's death: down-after-milliseconds 500",
        ),
        warning(
            unlinked,
            "cut off from a master that was just promoted, they take it for dead before they renew the link, and make "
            f"another fail-over: after each start of theirs SENTINEL DEBUG ping-period {min(downs) * 4 // 5}",
        ),
    )
