"""From a run's record to what it came to: times, losses, and a verdict on each thing that was expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.failover_timeline import moments
from optimus_ops.redis.drill.timeline import timeline
from optimus_ops.redis.drill.write_stats import account, outage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.drill.failover_timeline import Moments
    from optimus_ops.redis.drill.faults import Fault
    from optimus_ops.redis.drill.record import Kind, Recording
    from optimus_ops.redis.drill.timeline import Timeline
    from optimus_ops.redis.drill.write_stats import Account

SLACK_SECONDS = 2.0
"""A master counts a replica's silence in whole seconds, and looks at it once a second."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that was expected of a run, and whether it came about."""

    name: str
    met: bool
    found: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Args:
        fault: its name.
        number: of the run.
        seconds: how long the run took.
        moments: see there.
        outages: kind -> seconds without an acknowledgement; None where it did not end.
        accounts: kind -> what became of its writes.
        kinds: the loads, in the order in which they are told.
        expected: see there.
        facts: what the fault had to show.
        timeline: what happened when, for a picture.
    """

    fault: str
    number: int
    seconds: float
    moments: Moments
    outages: Mapping[str, float | None]
    accounts: Mapping[str, Account]
    kinds: tuple[Kind, ...]
    expected: tuple[Expectation, ...]
    facts: Mapping[str, str]
    timeline: Timeline

    @property
    def good(self) -> bool:
        """Whether everything came about that was expected."""
        return all(one.met for one in self.expected)


def outcome(fault: Fault, recording: Recording, max_lag: float | None) -> Outcome:
    """Work out what a run came to.

    Args:
        fault: what was done.
        recording: what it left on record.
        max_lag: seconds without a word from a replica after which a master refuses writes; None where it never does.
    """
    marks = recording.marks
    of_kind = {kind.name: [write for write in recording.writes if write.kind == kind.name] for kind in recording.kinds}
    accounts = {
        name: account(writes, recording.present, master=recording.master, struck=marks.struck)
        for name, writes in of_kind.items()
    }
    whole = marks.converged or max((write.ended for write in recording.writes), default=marks.struck)
    seen = moments(recording)
    return Outcome(
        fault=fault.name,
        number=recording.number,
        seconds=whole - marks.began,
        moments=seen,
        outages={
            kind.name: outage(of_kind[kind.name], marks.struck, whole) for kind in recording.kinds if not kind.near
        },
        accounts=accounts,
        kinds=recording.kinds,
        expected=(
            *_of_topology(fault, recording, seen),
            *_of_writes(fault, recording, accounts, max_lag),
            *(
                Expectation(name, recording.facts.get(name) == value, recording.facts.get(name, "not seen"))
                for name, value in fault.evidence.items()
            ),
        ),
        facts=recording.facts,
        timeline=timeline(recording, whole),
    )


def _of_topology(fault: Fault, recording: Recording, seen: Moments) -> Iterator[Expectation]:
    early = [event for event in recording.events if event.at < recording.marks.struck]
    tried = sum(event.channel == "+try-failover" for event in early)
    yield Expectation("no election before the fault", tried == 0, f"{tried}")
    if fault.elections is not None:
        fewest, most = fault.elections
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield Expectation(f"elections: {wanted}", fewest <= seen.elections <= most, f"{seen.elections}")
    yield Expectation("at most one fail-over", seen.failovers <= 1, f"{seen.failovers}")
    if fault.paralysed:
        yield Expectation("no election while broken", seen.elections_broken == 0, f"{seen.elections_broken}")
    if fault.changes is not None:
        name = "another master" if fault.changes else "the same master"
        yield Expectation(name, bool(seen.new_master) == fault.changes, seen.new_master or recording.master)
    found = "never" if seen.restored is None else f"after {seen.restored:.1f} s"
    yield Expectation("redundancy restored", seen.restored is not None, found)


def _of_writes(
    fault: Fault, recording: Recording, accounts: Mapping[str, Account], max_lag: float | None
) -> Iterator[Expectation]:
    kinds = {kind.name: kind for kind in recording.kinds}
    safe = sum(one.lost for name, one in accounts.items() if kinds[name].safe)
    yield Expectation("no acknowledged WAIT write lost", safe == 0, f"{safe}")
    services = [name for name, kind in kinds.items() if kind.service]
    if fault.serves and services:
        failed = sum(
            sum(one.counts.values()) - one.counts["acknowledged"] for name, one in accounts.items() if name in services
        )
        errors = sorted({error for name in services for error in accounts[name].errors})
        yield Expectation("no failed request", failed == 0, f"{failed}" + (f": {', '.join(errors)}" if errors else ""))
    duplicated = sum(accounts[name].duplicates for name in services)
    if services:
        yield Expectation("no message answered twice", duplicated == 0, f"{duplicated}")
    wrong = sum(one.false_rejections for one in accounts.values())
    yield Expectation("no rejected write kept", wrong == 0, f"{wrong}")
    plain = {name: one for name, one in accounts.items() if not kinds[name].safe}
    lost = sum(one.lost for one in plain.values())
    if fault.losses == "none":
        yield Expectation("no acknowledged plain write lost", lost == 0, f"{lost}")
    elif fault.losses == "some":
        found = f"{lost}" if lost else "0: the drill can't see losses"
        yield Expectation("acknowledged plain writes lost", lost > 0, found)
    elif max_lag is not None:
        last = max((one.last_doomed for one in plain.values() if one.last_doomed is not None), default=0.0)
        bound = max_lag + SLACK_SECONDS
        found = f"{lost} lost, the last one {last:.1f} s after the fault" if lost else "0 lost"
        yield Expectation(f"losses end within {bound:.0f} s", last <= bound, found)
