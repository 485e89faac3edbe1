"""The same spike at a running stack, once followed by our rule and once by HPA's, and both beside the model."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.autoscale_run import KIND, MACHINE, SETTINGS, Followed, Rule, run_live, stack_for
from benchmarks.autoscale_simulation import compared
from benchmarks.hpa_autoscaler import hpa_rule
from benchmarks.platform_under_test import Engine
from benchmarks.section import Blocks, paragraph
from optimus_ops.autoscale.model import Ceiling
from optimus_ops.autoscale.simulate.arrivals import spike
from optimus_ops.autoscale.simulate.model import Arrivals, Scenario, SimulationResult
from optimus_ops.autoscale.simulate.queueing import simulate
from optimus_ops.autoscale.simulate.report import (
    OURS,
    REFERENCE,
    enough_after,
    late_chart,
    objectives,
    replica_chart,
    result_table,
)
from optimus_ops.autoscale.simulate.rules import AutoscaleRule, KedaRule
from optimus_ops.reports.measurement import Objective, format_number, percentile
from optimus_ops.reports.model import Table

RATE = 5.0
SEEDS = range(1, 6)
TOLD_ALL = "HPA, told of what waits"
NOTE = paragraph(
    f"{RATE:g} requests/s of {KIND.seconds:g} s become {10 * RATE:g} within 30 s, stay for 150 s and go back: "
    f"{RATE:g} that are served at once, then {10 * RATE:g}. A replica of ai-engine serves {SETTINGS.slots:g} at once "
    "(`PROVIDER_CONNECTIONS`); what comes beyond them waits in it, or is refused if it would wait for 10 s. The "
    "provider is one on this machine that takes as long as the request says, so the stack and the model get the same "
    "requests at the same times, each with the same service time. Both rules read the same signals of the same "
    "replicas and act by the same code, that of `invoke scale`; HPA's is asked every 15 s, without a metrics "
    f"adapter's delay. Both keep replicas for {SETTINGS.cool_down:g} s instead of 300 s, so that the way back is seen "
    "as well. Late is what takes 0.5 s longer than its service time, and what fails. The model's start-up time is for "
    "each rule what a change that starts replicas took here, in the median."
)
TOLD_NOTE = paragraph(
    "HPA's metric is requests in flight per pod, at most a pod's slots. Told of all that waits as well, without any "
    "delay, its rule is better than HPA's usual one: the last row, in the model only, and the last columns below."
)


def arrivals(*, quick: bool) -> Arrivals:
    """Return the spike, all of it in one class."""
    made = spike(RATE, 30, 150, 105) if not quick else spike(RATE, 10, 20, 10)
    total = tuple(sum(rates) for rates in zip(*made.rates.values(), strict=True))
    return Arrivals("spike", (KIND,), {KIND.name: total}, made.step)


def measure(engine: Engine, *, quick: bool) -> Blocks:
    """Let the stack follow the same arrivals by both rules, and the model as well."""
    offered = arrivals(quick=quick)
    with stack_for(engine) as stack:
        ours, reference = (run_live(stack, rule, offered) for rule in (Rule.OURS, Rule.HPA))
    scenario, other = (Scenario(offered, SETTINGS, run.start_up) for run in (ours, reference))
    live = (ours.result(OURS, scenario), reference.result(REFERENCE, other))
    model = (model_results(scenario)[0], *model_results(other)[1:])
    return (
        *live_objectives(scenario, live, ours),
        NOTE,
        result_table(scenario, [*named(live, "live"), *named(model, "model")]),
        TOLD_NOTE,
        late_chart(scenario, named(live, "live"), "autoscale-live-requests"),
        replica_chart(scenario, named(live, "live"), "autoscale-live-replicas"),
        error_table(scenario, live, model),
        machine_table({OURS: ours, REFERENCE: reference}),
        seeds_table(scenario),
    )


def model_results(scenario: Scenario) -> Sequence[SimulationResult]:
    """Return what both rules make of the scenario in the model, and HPA's if it is told of what waits."""
    told = KedaRule(scenario.settings, TOLD_ALL, window=scenario.settings.cool_down, poll=0.0)
    pace = Ceiling(at_once=os.cpu_count())
    return simulate(scenario, [AutoscaleRule(scenario.settings, ceiling=pace), hpa_rule(scenario.settings), told])


def named(results: Sequence[SimulationResult], where: str) -> list[SimulationResult]:
    """Return results that say where they were seen."""
    return [
        SimulationResult(f"{found.rule}, {where}", found.seconds, found.replica_seconds, found.violating_seconds)
        for found in results
    ]


def live_objectives(scenario: Scenario, live: Sequence[SimulationResult], ours: Followed) -> tuple[Objective, ...]:
    """Return the simulation's objectives for the stack, and that it goes back to the minimum."""
    outcomes = Counter(found.outcome for found in ours.results if found.error)
    failed = ", ".join(f"{count} x {name}" for name, count in outcomes.items()) or "none failed"
    basis = f"{len(ours.results):,} requests, {failed}; replicas serve {ours.start_up:.1f} s after a decision"
    least = float(scenario.settings.least)
    return (
        *(
            Objective(f"{found.name}, live", found.comparison, found.bound, found.measured, found.unit, basis)
            for found in objectives(scenario, live)
        ),
        Objective("Replicas at the end, live", "at most", least, float(live[0].seconds[-1].paid), basis="the minimum"),
    )


def error_table(scenario: Scenario, live: Sequence[SimulationResult], model: Sequence[SimulationResult]) -> Table:
    """Return each figure of the stack in times of the model's: the model's error."""
    figures: dict[str, Callable[[SimulationResult], float | None]] = {
        "Late": lambda found: found.late,
        "Failed": lambda found: found.failed,
        "Violating seconds": lambda found: found.violating_seconds,
        "Replica-seconds": lambda found: found.replica_seconds,
        "Most replicas": lambda found: found.most,
        "Enough after the step, s": lambda found: enough_after(scenario, found),
    }
    columns = tuple(f"{rule}: {name}" for rule in (OURS, REFERENCE) for name in ("live", "model", "live / model"))
    rows = []
    for name, figure in figures.items():
        cells: list[str] = []
        for seen, expected in zip(live, model[:2], strict=True):
            cells += [number(figure(seen)), number(figure(expected)), quotient(figure(seen), figure(expected))]
        rows.append((name, *cells))
    return Table(("figure", *columns), tuple(rows), frozenset(columns))


def machine_table(runs: dict[str, Followed]) -> Table:
    """Return what tells whether the machine was short: processor time, and requests that were sent too late."""
    rows = []
    for rule, run in runs.items():
        busy = [sample.busy for sample in run.samples]
        delay = percentile([found.delay for found in run.results], 99)
        cells = (f"{sum(busy) / len(busy):.0%}", f"{percentile(busy, 95):.0%}", f"{delay * 1000:.0f} ms")
        rows.append((rule, *cells, str(len(run.growths)), f"{max(run.growths, default=0.0):.1f} s"))
    return Table(("live", *MACHINE), tuple(rows), frozenset(MACHINE))


def seeds_table(scenario: Scenario) -> Table:
    """Return both ratios in the model for other draws of the same arrivals."""
    rows = []
    for seed in SEEDS:
        drawn = Scenario(scenario.arrivals, scenario.settings, scenario.start_up, seed=seed)
        ours, usual, told = model_results(drawn)
        cells = (f"{value:.2f}" for other in (usual, told) for value in compared([ours, other], other.rule))
        rows.append((str(seed), *cells))
    columns = tuple(
        f"{figure}, in times of {rule}"
        for rule in (REFERENCE, TOLD_ALL)
        for figure in ("violating seconds", "replica-seconds")
    )
    return Table(("model, seed", *columns), tuple(rows), frozenset(columns))


def number(value: float | None) -> str:
    """Return a figure; "-" for none."""
    return "-" if value is None else format_number(value)


def quotient(ours: float | None, theirs: float | None) -> str:
    """Return the ratio; "-" where there is none."""
    return f"{ours / theirs:.2f}" if ours is not None and theirs else "-"
