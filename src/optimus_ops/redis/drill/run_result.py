"""The result of a run: times, losses, and which expectations were met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.redis.drill.expectations import Expectation, expectations
from optimus_ops.redis.drill.failover_timeline import FailoverTimeline, failover_timeline
from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.drill.record import Fact, Recording, WriteKind
from optimus_ops.redis.drill.timeline import run_timeline
from optimus_ops.redis.drill.write_stats import WriteStats, outage, write_stats
from optimus_ops.reports.pictures import Timeline


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run.

    Args:
        seconds: that the run took.
        outages: kind -> seconds without an acknowledgement; None where it did not end.
        stats: kind -> statistics of its writes.
        kinds: of the writes, in the order of the report.
    """

    fault: Fault
    number: int
    seconds: float
    failover: FailoverTimeline
    outages: Mapping[str, float | None]
    stats: Mapping[str, WriteStats]
    kinds: tuple[WriteKind, ...]
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
