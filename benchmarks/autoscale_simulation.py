"""Autoscaling rules on the queueing model: ten times the traffic within half a minute, several seeds and start-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from benchmarks.section import Blocks, paragraph
from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.autoscale.simulate.arrivals import spike
from optimus_ops.autoscale.simulate.command import rules_of
from optimus_ops.autoscale.simulate.model import Scenario, SimulationResult
from optimus_ops.autoscale.simulate.queueing import simulate
from optimus_ops.autoscale.simulate.report import (
    COST_RATIO,
    METHOD,
    OURS,
    READY_SECONDS,
    REFERENCE,
    VIOLATIONS_RATIO,
    enough_after,
    late_chart,
    ratio,
    replica_chart,
    result_table,
)
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Table

START_UP = 8.0
"""Seconds that `invoke scale` takes here until one replica more is proven through the balancer: about this, or less."""
START_UPS = (4.0, START_UP, 12.0)
SETTINGS = ServiceSettings("service", least=1, most=40, slots=8, target_in_flight=5.6, start_up_lead=START_UP)
NOTE = paragraph(
    "20 requests/s become 200 within 30 s, stay for 5 minutes and go back: 10 requests that are served at once, then "
    "100, so 2 replicas and then 18. `seed` is what the requests are drawn from. The objectives are judged by the "
    "worst seed."
)


def measure(seeds: int) -> Blocks:
    """Simulate, and make figures of all seeds with the start-up time of this platform."""
    runs = {(start_up, seed): run(start_up, seed) for start_up in START_UPS for seed in range(1, seeds + 1)}
    main = [runs[START_UP, seed] for seed in range(1, seeds + 1)]
    scenario, results = main[0]
    pictures = (late_chart(scenario, results), replica_chart(scenario, results))
    return *objectives(main), NOTE, result_table(scenario, results), *pictures, METHOD, spread(runs)


def run(start_up: float, seed: int) -> tuple[Scenario, Sequence[SimulationResult]]:
    """Simulate all rules with one seed."""
    scenario = Scenario(spike(), replace(SETTINGS, start_up_lead=start_up), start_up, seed=seed)
    return scenario, simulate(scenario, rules_of(scenario))


def named(results: Sequence[SimulationResult], rule: str) -> SimulationResult:
    """Return the result of a rule."""
    return next(found for found in results if found.rule == rule)


def compared(results: Sequence[SimulationResult], other: str = REFERENCE) -> tuple[float, float]:
    """Return violating seconds and replica-seconds, both in times of another rule's."""
    ours, reference = named(results, OURS), named(results, other)
    late = ratio(ours.violating_seconds, reference.violating_seconds)
    return (float("nan") if late is None else late), ours.replica_seconds / reference.replica_seconds


def objectives(runs: Sequence[tuple[Scenario, Sequence[SimulationResult]]]) -> tuple[Objective, ...]:
    """Return what is wanted, judged by the worst seed."""
    late, cost = zip(*(compared(results) for _, results in runs), strict=True)
    enough = [enough_after(scenario, named(results, OURS)) for scenario, results in runs]
    slowest = max(float("inf") if found is None else found for found in enough)
    failed = sum(named(results, OURS).failed for _, results in runs)
    basis = f"worst of {len(runs)} seeds; median"
    return (
        Objective("Enough ready capacity after the step", "at most", READY_SECONDS, slowest, "s", "worst seed"),
        Objective(
            "Violating seconds, in times of HPA's",
            "at most",
            VIOLATIONS_RATIO,
            max(late),
            "",
            f"{basis} {median(late):.2f}",
        ),
        Objective(
            "Replica-seconds, in times of HPA's", "at most", COST_RATIO, max(cost), "", f"{basis} {median(cost):.2f}"
        ),
        Objective("Failed requests", "at most", 0, failed, basis=f"all {len(runs)} seeds"),
    )


def spread(runs: dict[tuple[float, int], tuple[Scenario, Sequence[SimulationResult]]]) -> Table:
    """Return a row for each start-up time and seed."""
    rows = []
    for (start_up, seed), (_, results) in runs.items():
        late, cost = compared(results)
        ours, reference = named(results, OURS), named(results, REFERENCE)
        cells = (str(ours.violating_seconds), str(reference.violating_seconds), f"{late:.2f}", f"{cost:.2f}")
        rows.append((f"{start_up:g} s", str(seed), *cells, str(ours.most), str(ours.failed)))
    columns = ("seed", "violating seconds", "of HPA", "ratio", "replica-seconds, ratio", "most replicas", "failed")
    return Table(("start-up", *columns), tuple(rows), frozenset(columns))
