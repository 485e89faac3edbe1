"""The result of a run: times, losses, what it had to lead to, and whether it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.redis.drill.failover_timeline import FailoverTimeline, failover_timeline
from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.record import Fact, Recording, WriteKind
from optimus_ops.redis.drill.timeline import run_timeline
from optimus_ops.redis.drill.write_stats import WriteStats, outage, write_stats
from optimus_ops.reports.pictures import Timeline

SLACK_SECONDS = 2.0
"""A master counts the time since a replica's last reply in whole seconds, once a second."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expectation, whether it was met, and what was found."""

    name: str
    met: bool
    found: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run."""

    fault: Fault
    number: int
    seconds: float  # that the run took
    failover: FailoverTimeline
    outages: Mapping[str, float | None]  # kind -> seconds without an acknowledgement; None where it did not end
    stats: Mapping[str, WriteStats]  # by kind
    kinds: tuple[WriteKind, ...]  # in the order of the report
    expected: tuple[Expectation, ...]
    facts: Mapping[str, Fact]
    timeline: Timeline

    @property
    def unmet(self) -> tuple[Expectation, ...]:
        """The expectations that were not met."""
        return tuple(expected for expected in self.expected if not expected.met)

    @property
    def good(self) -> bool:
        """Whether every expectation was met."""
        return not self.unmet


def run_result(recording: Recording, max_lag: float | None) -> RunResult:
    """Evaluate a run of a group with a `max_lag`."""
    injected_at = recording.injected_at
    of_kind = {kind.name: [write for write in recording.writes if write.kind == kind.name] for kind in recording.kinds}
    stats = {
        name: write_stats(writes, recording.present, master=recording.master, injected_at=injected_at)
        for name, writes in of_kind.items()
    }
    failover = failover_timeline(recording)
    return RunResult(
        fault=recording.fault,
        number=recording.number,
        seconds=recording.converged_at - recording.started_at,
        failover=failover,
        outages={
            kind.name: outage(of_kind[kind.name], injected_at, recording.converged_at)
            for kind in recording.kinds
            if not kind.pinned
        },
        stats=stats,
        kinds=recording.kinds,
        expected=tuple(expectations(recording, failover, stats, max_lag)),
        facts=recording.facts,
        timeline=run_timeline(recording),
    )


def expectations(
    recording: Recording, failover: FailoverTimeline, stats: Mapping[str, WriteStats], max_lag: float | None
) -> Iterator[Expectation]:
    """Yield the expectations of a run of a fault, judged by what was recorded."""
    yield from _of_failover(recording, failover)
    yield from _of_every_write(recording, stats)
    plain = [stats[kind.name] for kind in recording.kinds if not kind.safe]
    yield from _of_plain_writes(recording, plain, max_lag)
    for name in recording.fault.evidence:
        fact = recording.facts.get(name)
        yield Expectation(name, fact is not None and fact.holds is True, "not seen" if fact is None else str(fact))


def _of_failover(recording: Recording, failover: FailoverTimeline) -> Iterator[Expectation]:
    fault = recording.fault
    early = [event for event in recording.events if event.at < recording.injected_at]
    yield _none("no election before the fault", sum(event.channel == "+try-failover" for event in early))
    if fault.elections is not None:
        fewest, most = fault.elections
        expected = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield Expectation(f"elections: {expected}", fewest <= failover.elections <= most, f"{failover.elections}")
    yield Expectation("at most one fail-over", failover.failovers <= 1, f"{failover.failovers}")
    if fault.paralysed:
        yield _none("no election while broken", failover.elections_broken)
    if fault.changes is not None:
        name = "another master" if fault.changes else "the same master"
        met = bool(failover.new_master) == fault.changes
        yield Expectation(name, met, failover.new_master or recording.master)
    found = "never" if failover.restored is None else f"after {failover.restored:.1f} s"
    yield Expectation("redundancy restored", failover.restored is not None, found)


def _of_every_write(recording: Recording, stats: Mapping[str, WriteStats]) -> Iterator[Expectation]:
    safe = [stats[kind.name] for kind in recording.kinds if kind.safe]
    services = [stats[kind.name] for kind in recording.kinds if kind.service]
    yield _none("no acknowledged WAIT write lost", sum(found.lost for found in safe))
    if recording.fault.serves and services:
        errors = ", ".join(sorted({error for found in services for error in found.errors}))
        yield _none("no failed request", sum(found.failed for found in services), f": {errors}" if errors else "")
    if services:
        yield _none("no message answered twice", sum(found.duplicates for found in services))
    yield _none("no rejected write kept", sum(found.false_rejections for found in stats.values()))


def _of_plain_writes(recording: Recording, plain: list[WriteStats], max_lag: float | None) -> Iterator[Expectation]:
    lost = sum(found.lost for found in plain)
    if recording.fault.losses == "none":
        yield _none("no acknowledged plain write lost", lost)
    elif recording.fault.losses == "some":
        blind = "" if lost else ": the drill can't see losses"
        yield Expectation("acknowledged plain writes lost", lost > 0, f"{lost}{blind}")
    elif max_lag is not None:
        last = max((found.last_lost_after_fault or 0.0 for found in plain), default=0.0)
        bound = max_lag + SLACK_SECONDS
        found = f"{lost} lost, the last one {last:.1f} s after the fault" if lost else "0 lost"
        yield Expectation(f"losses end within {bound:.0f} s", last <= bound, found)


def _none(name: str, count: int, detail: str = "") -> Expectation:
    return Expectation(name, count == 0, f"{count}{detail}")
