"""Tables of live pairs: the pairs, the model's error, what changes spent their time on, and the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.autoscale_pairs import Pair, Side, quotient
from optimus_ops.autoscale.simulate.model import SimulationResult
from optimus_ops.autoscale.simulate.report import OURS, REFERENCE, enough_after
from optimus_ops.reports.measurement import format_number, percentile
from optimus_ops.reports.model import Table

PAIR_COLUMNS = (
    "HPA looks first, s",
    "violating seconds",
    "HPA's",
    "ratio",
    "ratio, model",
    "replica-seconds",
    "HPA's ",
    "ratio ",
    "ratio, model ",
)
MACHINE = ("processors busy, mean", "95th percentile of seconds", "sent late, p99", "starts of replicas", "the longest")
ACTING = ("changes", "median, s", "looking and planning", "start", "wait", "verify", "drain and stop", "remove")

FIGURES: Sequence[Callable[[SimulationResult], float]] = (
    lambda found: found.violating_seconds,
    lambda found: found.replica_seconds,
)
STEP_WORDS = ("start", "wait", "verify", "drain", "remove")
"""First words of the steps' texts."""


def pairs_table(pairs: Sequence[Pair]) -> Table:
    """Return a row for each pair, live and in the model."""
    rows = []
    for number, pair in enumerate(pairs, start=1):
        ours, other = pair.ours, pair.reference
        row = [str(number), f"{other.scenario.first_look or 0:.0f}"]
        for figure in FIGURES:
            live = (figure(ours.live), figure(other.live))
            model = (figure(ours.model), figure(other.model))
            row += [format_number(live[0]), format_number(live[1]), f"{quotient(*live):.2f}", f"{quotient(*model):.2f}"]
        rows.append(tuple(row))
    return Table(("pair", *PAIR_COLUMNS), tuple(rows), frozenset(PAIR_COLUMNS))


def error_table(pairs: Sequence[Pair]) -> Table:
    """Return each figure's median over the pairs, live and in the model, and their ratio: the model's error."""
    figures: Mapping[str, Callable[[Side, SimulationResult], float | None]] = {
        "Late": lambda _side, found: found.late,
        "Failed": lambda _side, found: found.failed,
        "Violating seconds": lambda _side, found: found.violating_seconds,
        "Replica-seconds": lambda _side, found: found.replica_seconds,
        "Most replicas": lambda _side, found: found.most,
        "Enough after the step, s": lambda side, found: enough_after(side.scenario, found),
    }
    columns = tuple(f"{rule}: {name}" for rule in (OURS, REFERENCE) for name in ("live", "model", "live / model"))
    rows = []
    for name, figure in figures.items():
        cells: list[str] = []
        for sides in ([pair.ours for pair in pairs], [pair.reference for pair in pairs]):
            live = middle([figure(side, side.live) for side in sides])
            model = middle([figure(side, side.model) for side in sides])
            cells += [cell(live), cell(model), f"{live / model:.2f}" if live is not None and model else "-"]
        rows.append((name, *cells))
    return Table(("median of the pairs", *columns), tuple(rows), frozenset(columns))


def acting_table(pairs: Sequence[Pair]) -> Table:
    """Return what changes spent their time on, by the journal: the medians."""
    changes = [change for pair in pairs for side in (pair.ours, pair.reference) for change in side.run.changes]
    rows = []
    for name, found in (
        ("replicas start", [change for change in changes if change.to > change.before]),
        ("replicas leave", [change for change in changes if change.to < change.before]),
    ):
        if not found:
            continue
        planning = median(change.seconds - sum(change.steps.values()) for change in found)
        spent = [median(change.steps.get(word, 0.0) for change in found) for word in STEP_WORDS]
        seconds = (median(change.seconds for change in found), planning, *spent)
        rows.append((name, str(len(found)), *(f"{each:.1f}" for each in seconds)))
    return Table(("live", *ACTING), tuple(rows), frozenset(ACTING))


def machine_table(pairs: Sequence[Pair]) -> Table:
    """Return what tells whether the machine was short: processor time, and requests that were sent too late."""
    rows = []
    for rule, sides in ((OURS, [pair.ours for pair in pairs]), (REFERENCE, [pair.reference for pair in pairs])):
        runs = [side.run for side in sides]
        busy = [sample.busy for run in runs for sample in run.samples]
        delay = percentile([found.delay for run in runs for found in run.results], 99)
        growths = [seconds for run in runs for seconds in run.growths]
        cells = (f"{sum(busy) / len(busy):.0%}", f"{percentile(busy, 95):.0%}", f"{delay * 1000:.0f} ms")
        rows.append((rule, *cells, str(len(growths)), f"{max(growths, default=0.0):.1f} s"))
    return Table(("live", *MACHINE), tuple(rows), frozenset(MACHINE))


def middle(values: Sequence[float | None]) -> float | None:
    """Return the median; None where one has no value."""
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None


def cell(value: float | None) -> str:
    """Return a figure; "-" for none."""
    return "-" if value is None else format_number(value)
