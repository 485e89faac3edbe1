"""When the sentinels detected the failure, agreed, elected and switched: from their events and the servers' roles.

Events: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#pubsub-messages
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optimus_ops.redis.drill.record import Recording, RoleChange, SentinelEvent


@dataclass(frozen=True, slots=True)
class FailoverTimeline:
    """Seconds from the fault to each stage of a fail-over, None for a stage that did not happen; and counts."""

    first_down: float | None  # a sentinel takes the master for dead (`+sdown`)
    quorum_down: float | None  # a second one does
    agreed_down: float | None  # a sentinel knows that enough do (`+odown`)
    election: float | None  # a sentinel stands for election (`+try-failover`)
    elected: float | None  # it has the votes (`+elected-leader`)
    promoted: float | None  # another server reports that it is a master
    first_switch: float | None  # the first sentinel publishes the new master (`+switch-master`)
    last_switch: float | None  # the last one does
    switches: int  # sentinels that did
    restored: float | None  # from the healing until all replicas follow the one master again
    elections: int  # attempts with an epoch of their own
    elections_broken: int  # those before the healing
    failovers: int  # changes to another master
    candidates: int  # sentinels that stood for election
    new_master: str  # name of the promoted server; "" without one


def failover_timeline(recording: Recording) -> FailoverTimeline:
    """Return when the stages of a fail-over happened in a run."""
    injected, healing = recording.injected_at, recording.healing_at
    events = [event for event in recording.events if event.at >= injected]
    of_master = [event for event in events if is_of_master(event)]
    switching = [event for event in events if event.channel == "+switch-master"]
    down = _first_of_each(event for event in of_master if event.channel == "+sdown")
    switches = _first_of_each(switching)
    roles = [role for role in recording.roles if role.role == "master" and role.node != recording.master]
    promoted = next((role for role in roles if role.at >= injected), None)
    restored = restored_at(recording.roles, recording.hosts, recording.replicas, healing)

    def after(times: Sequence[float], number: int = 1) -> float | None:
        return times[number - 1] - injected if 1 <= number <= len(times) else None

    def first(channel: str) -> float | None:
        return after([event.at for event in of_master if event.channel == channel])

    return FailoverTimeline(
        first_down=after(down),
        quorum_down=after(down, 2),
        agreed_down=first("+odown"),
        election=first("+try-failover"),
        elected=first("+elected-leader"),
        promoted=promoted.at - injected if promoted else None,
        first_switch=after(switches),
        last_switch=after(switches, len(switches)),
        switches=len(switches),
        restored=None if restored is None else restored - healing,
        elections=count_elections(events),
        elections_broken=count_elections(event for event in events if event.at < healing),
        failovers=len({event.text for event in switching}),
        candidates=sum(event.channel == "+try-failover" for event in events),
        new_master=promoted.node if promoted else "",
    )


def is_of_master(event: SentinelEvent) -> bool:
    """Tell whether an event is about the master, not about a replica or another sentinel."""
    return event.text.startswith("master ")


def count_elections(events: Iterable[SentinelEvent]) -> int:
    """Return the number of elections.

    Each attempt takes the next epoch, and every sentinel publishes that epoch once. Two candidates of the same epoch
    stand in the same election.
    """
    return len({event.text.split()[0] for event in events if event.channel == "+new-epoch" and event.text.strip()})


def election_allowed_at(events: Sequence[SentinelEvent], failover_timeout: float) -> float:
    """Return from when on sentinels start an election at once; 0 if they always do.

    A fail-over that succeeded allows the next one. After one that failed they wait for twice failover-timeout (in
    seconds), and up to a second more.
    """
    tried = max((event.at for event in events if event.channel == "+try-failover"), default=None)
    if tried is None or any(event.channel == "+switch-master" and event.at > tried for event in events):
        return 0.0
    return tried + 2 * failover_timeout + 1.0


def restored_at(roles: Sequence[RoleChange], hosts: Mapping[str, str], replicas: int, since: float) -> float | None:
    """Return from when on (`since` at the earliest) all replicas followed the one master; None if they don't now."""
    current: dict[str, RoleChange] = {}
    redundant_since: float | None = None
    for role in roles:
        current[role.node] = role
        if not _is_redundant(tuple(current.values()), hosts, replicas):
            redundant_since = None
        elif redundant_since is None:
            redundant_since = role.at
    return None if redundant_since is None else max(redundant_since, since)


def _is_redundant(roles: Sequence[RoleChange], hosts: Mapping[str, str], replicas: int) -> bool:
    masters = [role.node for role in roles if role.role == "master"]
    following = [role for role in roles if role.role == "replica" and role.linked]
    return len(masters) == 1 and sum(hosts.get(role.master) == masters[0] for role in following) == replicas


def _first_of_each(events: Iterable[SentinelEvent]) -> list[float]:
    """Return the first time of each sentinel, in order."""
    first: dict[str, float] = {}
    for event in events:
        first.setdefault(event.sentinel, event.at)
    return sorted(first.values())
