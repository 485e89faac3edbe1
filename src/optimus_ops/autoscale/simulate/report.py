"""The report of a simulation: a table of the rules, what they cost, and two pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optimus_ops.autoscale.simulate.model import Scenario, SecondStats, SimulationResult
from optimus_ops.reports.measurement import Objective, format_number
from optimus_ops.reports.model import Block, Paragraph, Run, Section, Table
from optimus_ops.reports.pictures import Chart, ChartRow, Panel, Series
from optimus_ops.reports.spans import Span

OURS, REFERENCE = "autoscale", "HPA"
READY_SECONDS = 10.0
VIOLATIONS_RATIO, COST_RATIO = 0.2, 1.15
STEP = 5
"""Seconds that a bar of a picture stands for."""
NUMBERS = ("late", "failed", "violating seconds", "replica-seconds", "most replicas", "enough after the step")


def simulation_report(scenario: Scenario, results: Sequence[SimulationResult], command: str = "") -> Run:
    """Return the report."""
    arrivals, settings = scenario.arrivals, scenario.settings
    facts = {
        "arrivals": f"{arrivals.name}, {arrivals.seconds} s",
        "service": f"{settings.service}, {settings.least} to {settings.most} replicas of {settings.slots:g} slots",
        "target": f"{settings.target_in_flight:g} in flight",
        "start-up": f"{scenario.start_up:g} s",
        "patience": f"{scenario.patience:g} s",
        "seed": str(scenario.seed),
    }
    blocks: tuple[Block, ...] = (*objectives(scenario, results), result_table(scenario, results), METHOD)
    pictures = (late_chart(scenario, results), replica_chart(scenario, results))
    title = "Autoscaling rules on a queueing model"
    return Run(title, headline(results), facts, (Section("Rules", blocks), Section("Pictures", pictures)), command)


METHOD = Paragraph(
    "A request is late if it waits for a slot longer than its class may, a second violates the objective if more than "
    "5 % of its requests are late, and a request that waits longer than the patience fails. All rules see the same "
    "requests (Poisson arrivals, exponential service times), the same start-up time, and count from the replicas that "
    "the first second needs. HPA is given requests in flight at each of its looks without delay, and KEDA those that "
    "wait as well, which is more than either gets from a metrics adapter. Our rule waits for the end of each change "
    "before it decides anew, as `invoke autoscale` has to."
)


def headline(results: Sequence[SimulationResult]) -> Span:
    """Return the result in a sentence."""
    by_name = {found.rule: found for found in results}
    if not {OURS, REFERENCE} <= by_name.keys():
        return Span("")
    ours, reference = by_name[OURS], by_name[REFERENCE]
    return Span(
        f"{ours.violating_seconds} violating seconds against {reference.violating_seconds} by HPA's rule, at"
        f" {ours.replica_seconds / max(reference.replica_seconds, 1):.2f} times its replica-seconds."
    )


def objectives(scenario: Scenario, results: Sequence[SimulationResult]) -> tuple[Objective, ...]:
    """Return what our rule has to reach, where HPA's stands beside it and the arrivals have a step."""
    by_name = {found.rule: found for found in results}
    if scenario.arrivals.step is None or not {OURS, REFERENCE} <= by_name.keys():
        return ()
    ours, reference = by_name[OURS], by_name[REFERENCE]
    basis = f"{ours.arrived:,} requests"
    late = ratio(ours.violating_seconds, reference.violating_seconds)
    cost = ratio(ours.replica_seconds, reference.replica_seconds)
    return (
        Objective("Enough ready capacity after the step", "at most", READY_SECONDS, enough_after(scenario, ours), "s"),
        Objective("Violating seconds, in times of HPA's", "at most", VIOLATIONS_RATIO, late, basis=basis),
        Objective("Replica-seconds, in times of HPA's", "at most", COST_RATIO, cost, basis=basis),
        Objective("Failed requests", "at most", 0, ours.failed, basis=basis),
    )


def ratio(ours: float, reference: float) -> float | None:
    """Return a ratio; None where there is nothing to compare with, 0 where neither has any."""
    if reference:
        return ours / reference
    return None if ours else 0.0


def enough_after(scenario: Scenario, result: SimulationResult) -> float | None:
    """Return the seconds from the step until the slots that are ready bear the load; None if they never do."""
    step = scenario.arrivals.step
    if step is None:
        return None
    seconds = enumerate(result.seconds[step:])
    return next((float(at) for at, found in seconds if found.ready * scenario.settings.slots >= found.offered), None)


def result_table(scenario: Scenario, results: Sequence[SimulationResult]) -> Table:
    """Return a row for each rule."""
    rows = []
    for found in results:
        enough = enough_after(scenario, found)
        cells = (
            f"{found.late:,} of {found.arrived:,}",
            f"{found.failed:,}",
            str(found.violating_seconds),
            format_number(found.replica_seconds),
            str(found.most),
            "-" if enough is None else f"{enough:g} s",
        )
        rows.append((found.rule, *cells))
    return Table(("rule", *NUMBERS), tuple(rows), frozenset(NUMBERS))


def late_chart(scenario: Scenario, results: Sequence[SimulationResult], file: str = "autoscale-requests") -> Chart:
    """Return the picture of requests that were served in time, and of those that were late."""
    return _chart(
        scenario,
        results,
        "Requests per second, and those of them that were late.",
        ("in time, per second", "late, per second", "the spike"),
        file,
        lambda found: (found.arrived - found.late, found.late),
        lambda result: (Span(f"{result.late:,} late", "bad" if result.late else "good"), f" of {result.arrived:,}"),
    )


def replica_chart(scenario: Scenario, results: Sequence[SimulationResult], file: str = "autoscale-replicas") -> Chart:
    """Return the picture of replicas that are paid for, and of those that the load misses."""
    slots = scenario.settings.slots
    return _chart(
        scenario,
        results,
        "Replicas that run, and how many the load would need more.",
        ("replicas", "missing", "the spike"),
        file,
        lambda found: (found.paid, max(int(-(-found.offered // slots)) - found.ready, 0)),
        lambda result: (f"{result.replica_seconds:,.0f} replica-seconds",),
    )


def _chart(
    scenario: Scenario,
    results: Sequence[SimulationResult],
    title: str,
    legend: tuple[str, str, str],
    file: str,
    counts: Callable[[SecondStats], tuple[int, int]],
    caption: Callable[[SimulationResult], tuple[Span | str, ...]],
) -> Chart:
    step = scenario.arrivals.step
    highlight = _spike(scenario) if step is not None else (0.0, 0.0)
    rows = []
    for result in results:
        good, bad = zip(*(_mean(counts, result.seconds[at : at + STEP]) for at in _bins(scenario)), strict=True)
        series = Series(result.rule, 0.0, STEP, good, bad)
        rows.append(ChartRow(result.rule, (Panel(series, highlight, caption(result)),)))
    note = f"Seconds from the beginning; each bar is the mean of {STEP} s."
    return Chart(title, note, ("",), tuple(rows), legend, file)


def _bins(scenario: Scenario) -> range:
    return range(0, scenario.arrivals.seconds, STEP)


def _mean(counts: Callable[[SecondStats], tuple[int, int]], seconds: Sequence[SecondStats]) -> tuple[int, int]:
    pairs = [counts(found) for found in seconds]
    good, bad = (sum(column) for column in zip(*pairs, strict=True))
    # What was missing at all is shown.
    return round(good / len(pairs)), -(-bad // len(pairs))


def _spike(scenario: Scenario) -> tuple[float, float]:
    """Return the period in which more than half of the most load is offered."""
    offered = [scenario.arrivals.offered(second) for second in range(scenario.arrivals.seconds)]
    high = [second for second, load in enumerate(offered) if load > max(offered) / 2]
    return float(high[0]), float(high[-1] + 1)
