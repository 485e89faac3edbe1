"""What the drill of a group is to reach, and whether it did. A target that is missed is told; it is no failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from optimus_ops.redis.drill.faults import FAULTS
from optimus_ops.redis.drill.figures import ENOUGH_FOR_P95

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from optimus_ops.redis.drill.faults import Fault
    from optimus_ops.redis.drill.figures import Figures

MEASURED = ("plain", "wait")
"""The kinds whose outage the targets are about."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is to be reached.

    Args:
        what: is measured.
        sense: how it has to be to the limit.
        limit: see there.
        found: None if it could not be measured.
        unit: of both; "" for a number of things.
        source: what it was measured on.
    """

    what: str
    sense: Literal["under", "at most", "at least"]
    limit: float
    found: float | None
    unit: str
    source: str

    @property
    def reached(self) -> bool:
        """Whether it was."""
        if self.found is None:
            return False
        met = {"under": self.found < self.limit, "at most": self.found <= self.limit}
        return met.get(self.sense, self.found >= self.limit)

    @property
    def verdict(self) -> str:
        """Return in a word what came of it."""
        if self.found is None:
            return "not measured"
        return "reached" if self.reached else "missed"

    @property
    def wanted(self) -> str:
        """Return what is to be reached, for people."""
        return f"{self.sense} {self.limit:g}{self.unit}"

    @property
    def shown(self) -> str:
        """Return what was measured, for people."""
        if self.found is None:
            return "-"
        return f"{self.found:.2f}{self.unit}" if self.unit else f"{self.found:,.0f}"


def targets(all_figures: Sequence[Figures]) -> tuple[Target, ...]:
    """Return the targets of the faults that were made.

    Args:
        all_figures: of each fault.
    """
    known = {fault.name: fault for fault in FAULTS}
    return tuple(
        target
        for found in (
            *(_of_outages(known[one.fault], one) for one in all_figures),
            _of_kept(all_figures),
            *(_of_requests(known[one.fault], one) for one in all_figures),
            *(_of_control(known[one.fault], one) for one in all_figures),
        )
        for target in found
    )


def verdict(found: Sequence[Target]) -> str:
    """Return in a few words how many targets were reached, and how many could not be measured."""
    reached, unknown = sum(one.reached for one in found), sum(one.found is None for one in found)
    return f"{reached} of {len(found)} targets reached" + (f", {unknown} not measured" if unknown else "")


def _of_outages(fault: Fault, one: Figures) -> Iterator[Target]:
    """Yield how long writes may stop, and that one election was enough, for faults that are measured so."""
    if not fault.targets:
        return
    runs = f"{one.runs} runs"
    for kind in MEASURED:
        for name, under in fault.targets.items():
            found = getattr(one.outages[kind], name) if kind in one.outages else None
            few = f"; p95 needs {ENOUGH_FOR_P95}" if name == "p95" and one.runs < ENOUGH_FOR_P95 else ""
            yield Target(f"{one.fault}: outage of {kind} writes, {name}", "under", under, found, " s", f"{runs}{few}")
    others = sum(times for number, times in one.elections.items() if number != 1)
    yield Target(f"{one.fault}: runs with more or fewer than one election", "at most", 0, others, "", runs)


def _of_kept(all_figures: Sequence[Figures]) -> Iterator[Target]:
    """Yield that nothing is lost that was promised to be kept."""
    lost = sum(one.lost[kind][0] for one in all_figures for kind in one.safe)
    kept = sum(_acknowledged(one.writes[kind]) for one in all_figures for kind in one.safe)
    runs = sum(one.runs for one in all_figures)
    source = f"{kept:,} acknowledged WAIT writes, {runs} runs of {len(all_figures)} faults"
    yield Target("acknowledged WAIT writes that were lost", "at most", 0, lost, "", source)


def _of_requests(fault: Fault, one: Figures) -> Iterator[Target]:
    """Yield that callers of the services notice nothing but a delay."""
    if not fault.serves or not one.services:
        return
    failed = sum(count for kind in one.services for name, count in one.writes[kind].items() if name != "acknowledged")
    asked = sum(sum(one.writes[kind].values()) for kind in one.services)
    slowest = max((one.slowest[kind] for kind in one.services if kind in one.slowest), default=None)
    source = f"{asked:,} of callers that wait 5 s" + ("" if slowest is None else f"; the slowest took {slowest:.2f} s")
    what = f"{one.fault}: failed requests to {' and '.join(one.services)}"
    yield Target(what, "at most", 0, failed, "", source)


def _of_control(fault: Fault, one: Figures) -> Iterator[Target]:
    """Yield that the drill sees losses where there must be some."""
    if fault.losses != "some":
        return
    plain = [kind for kind in one.lost if kind not in one.safe]
    lost = sum(one.lost[kind][0] for kind in plain)
    source = f"{sum(_acknowledged(one.writes[kind]) for kind in plain):,} acknowledged, {one.runs} runs"
    yield Target(f"{one.fault}: plain writes seen to be lost", "at least", 1, lost, "", source)


def _acknowledged(counts: Mapping[str, int]) -> int:
    return counts.get("acknowledged", 0)
