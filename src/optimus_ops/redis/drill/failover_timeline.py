"""When the sentinels noticed, agreed, elected and switched, out of what they published and what the servers said.

Events: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#pubsub-messages
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.redis.drill.record import Recording, RoleSeen, SentinelEvent


@dataclass(frozen=True, slots=True)
class Moments:
    """Seconds after the fault; None for what did not happen.

    Args:
        first_down: a sentinel takes the master for dead (`+sdown`).
        quorum_down: a second one does.
        agreed_down: a sentinel knows that enough do (`+odown`).
        election: a sentinel stands for election (`+try-failover`).
        elected: it has the votes (`+elected-leader`).
        promoted: another server says that it is a master.
        first_switch: the first sentinel publishes the new master (`+switch-master`).
        last_switch: the last one does.
        switches: how many sentinels did.
        restored: all replicas follow the one master again, count_verdicts from the healing.
        elections: how many there were: attempts with an epoch of their own.
        elections_broken: those of them before the healing.
        failovers: how many of them led to another master.
        candidates: how many sentinels stood in them.
        new_master: name of the promoted server; "" without one.
    """

    first_down: float | None
    quorum_down: float | None
    agreed_down: float | None
    election: float | None
    elected: float | None
    promoted: float | None
    first_switch: float | None
    last_switch: float | None
    switches: int
    restored: float | None
    elections: int
    elections_broken: int
    failovers: int
    candidates: int
    new_master: str


def moments(recording: Recording) -> Moments:
    """Return when what happened in a run."""
    struck = recording.marks.struck
    events = [event for event in recording.events if event.at >= struck]
    master_down = _first_of_each(event for event in events if event.channel == "+sdown" and _of_master(event))
    switches = _first_of_each(event for event in events if event.channel == "+switch-master")
    promoted = next((seen for seen in recording.roles if _promotes(seen, recording)), None)
    restored = restored_at(recording.roles, recording.hosts, recording.replicas, recording.marks.healing)

    def after(at: float | None) -> float | None:
        return None if at is None else at - struck

    return Moments(
        first_down=after(_nth(master_down, 1)),
        quorum_down=after(_nth(master_down, 2)),
        agreed_down=after(_first(events, "+odown")),
        election=after(_first(events, "+try-failover")),
        elected=after(_first(events, "+elected-leader")),
        promoted=after(promoted.at if promoted else None),
        first_switch=after(_nth(switches, 1)),
        last_switch=after(_nth(switches, len(switches))),
        switches=len(switches),
        restored=None if restored is None else restored - recording.marks.healing,
        elections=elections(events),
        elections_broken=elections(event for event in events if event.at < recording.marks.healing),
        failovers=len({event.text for event in events if event.channel == "+switch-master"}),
        candidates=sum(event.channel == "+try-failover" for event in events),
        new_master=promoted.node if promoted else "",
    )


def elections(events: Iterable[SentinelEvent]) -> int:
    """Return how many elections there were.

    Each attempt takes the next epoch, and every sentinel that hears of it publishes that epoch once. Two candidates of
    the same epoch stand in the same election.
    """
    return len({event.text.split()[0] for event in events if event.channel == "+new-epoch" and event.text.strip()})


def restored_at(roles: Sequence[RoleSeen], hosts: Mapping[str, str], replicas: int, since: float) -> float | None:
    """Return from when on all replicas followed the one master, to the end of the record; None if they don't.

    Args:
        roles: what the servers said, in the order of time.
        hosts: host -> name of the server.
        replicas: how many have to.
        since: nothing earlier is returned.
    """
    state: dict[str, RoleSeen] = {}
    whole_since: float | None = None
    for seen in roles:
        state[seen.node] = seen
        if not _whole(state, hosts, replicas):
            whole_since = None
        elif whole_since is None:
            whole_since = seen.at
    return None if whole_since is None else max(whole_since, since)


def _whole(state: Mapping[str, RoleSeen], hosts: Mapping[str, str], replicas: int) -> bool:
    masters = [seen.node for seen in state.values() if seen.role == "master"]
    if len(masters) != 1:
        return False
    following = [
        seen
        for seen in state.values()
        if seen.role == "replica" and seen.linked and hosts.get(seen.master) == masters[0]
    ]
    return len(following) == replicas


def _promotes(seen: RoleSeen, recording: Recording) -> bool:
    return seen.role == "master" and seen.node != recording.master and seen.at >= recording.marks.struck


def _of_master(event: SentinelEvent) -> bool:
    return event.text.startswith("master ")


def _first_of_each(events: Iterable[SentinelEvent]) -> list[float]:
    """Return the first time of each sentinel, in order."""
    first: dict[str, float] = {}
    for event in events:
        first.setdefault(event.sentinel, event.at)
    return sorted(first.values())


def _first(events: Iterable[SentinelEvent], channel: str) -> float | None:
    return next((event.at for event in events if event.channel == channel and _of_master(event)), None)


def _nth(times: Sequence[float], number: int) -> float | None:
    return times[number - 1] if 1 <= number <= len(times) else None
