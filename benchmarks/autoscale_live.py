"""Pairs of the same spike at a running stack, followed by our rule and by HPA's, and both beside the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from benchmarks.autoscale_pairs import Pair, typical
from benchmarks.autoscale_run import KIND, SETTINGS, Followed, Rule, run_live, stack_for
from benchmarks.autoscale_tables import acting_table, error_table, machine_table, pairs_table
from benchmarks.platform_under_test import Engine, Platform
from benchmarks.section import Blocks, paragraph, samples, show
from optimus_ops.autoscale.simulate.arrivals import spike
from optimus_ops.autoscale.simulate.model import Arrivals, SimulationResult
from optimus_ops.autoscale.simulate.report import (
    COST_RATIO,
    READY_SECONDS,
    VIOLATIONS_RATIO,
    enough_after,
    late_chart,
    replica_chart,
    result_table,
)
from optimus_ops.autoscale.simulate.rules import HPA_SYNC_SECONDS
from optimus_ops.reports.measurement import Objective

RATE = 5.0
PAIRS = 3
BEFORE, PLATEAU, AFTER = 12, 75, 90
"""Seconds; after it, so many that the cool-down is over and the last replicas have left."""
NOTE = paragraph(
    f"{RATE:g} requests/s of {KIND.seconds:g} s become {10 * RATE:g} within 30 s, stay for {PLATEAU} s and go back: "
    f"{RATE:g} that are served at once, then {10 * RATE:g}. A replica of ai-engine serves {SETTINGS.slots:g} at once "
    "(`PROVIDER_CONNECTIONS`); what comes beyond them waits in it, or is refused if it would wait for 10 s. The "
    "provider is one on this machine that takes as long as the request says, so the stack and the model get the same "
    "requests at the same times, each with the same service time. Both rules read the same signals of the same "
    "replicas and act by the same code, that of `invoke scale`; HPA's is asked every 15 s, without a metrics "
    f"adapter's delay. Both keep replicas for {SETTINGS.cool_down:g} s instead of 300 s, so that the way back is seen "
    "as well. Late is what takes 0.5 s longer than its service time, and what fails."
)
PAIRS_NOTE = paragraph(
    "Pairs follow each other as A B, B A, so that what else the machine does falls on both. Each has requests of its "
    "own, and its spike begins at another time of HPA's 15 s, evenly spread: whether HPA's rule looks early or late "
    "in a ramp of 30 s decides what it makes of it. The model is told, for each run, what was seen of it: when the "
    "rule looked first, and the median seconds of changes that started replicas, and of those that let some leave. "
    "HPA's metric is requests in flight per pod, at most a pod's slots; told of all that waits as well, without "
    "delay, it is better than HPA usually is: that is in the model only."
)


def arrivals(number: int, pairs: int, *, quick: bool) -> Arrivals:
    """Return the spike of a pair, all of it in one class, at a time of HPA's interval of its own."""
    before = BEFORE + round(number * HPA_SYNC_SECONDS / pairs)
    made = spike(RATE, before, 20, 10) if quick else spike(RATE, before, PLATEAU, AFTER)
    total = tuple(sum(rates) for rates in zip(*made.rates.values(), strict=True))
    return Arrivals("spike", (KIND,), {KIND.name: total}, made.step)


def measure(engine: Engine, count: int = PAIRS, *, quick: bool) -> Blocks:
    """Let the stack follow the same arrivals by both rules, pair by pair, and the model as well."""
    with stack_for(engine) as stack:
        pairs = [measure_pair(stack, number, count, quick=quick) for number in range(count)]
    shown = typical(pairs)
    scenario, sides = shown.ours.scenario, (shown.ours, shown.reference)
    live = [named(side.live, "live") for side in sides]
    model = [named(side.model, "model") for side in sides]
    return (
        *live_objectives(pairs),
        NOTE,
        PAIRS_NOTE,
        pairs_table(pairs),
        paragraph("The pair of the pictures is that whose ratio of violating seconds is the median."),
        result_table(scenario, [*live, *model, named(shown.reference.told_all, "model")]),
        late_chart(scenario, live, "autoscale-live-requests"),
        replica_chart(scenario, live, "autoscale-live-replicas"),
        error_table(pairs),
        acting_table(pairs),
        machine_table(pairs),
        samples({"violating seconds, ratio": [pair.late for pair in pairs]}, ""),
        samples({"replica-seconds, ratio": [pair.cost for pair in pairs]}, ""),
    )


def measure_pair(stack: Platform, number: int, count: int, *, quick: bool) -> Pair:
    """Measure one pair; HPA's rule is first in every second one."""
    offered, seed = arrivals(number, count, quick=quick), number + 1
    rules = (Rule.OURS, Rule.HPA)[:: -1 if number % 2 else 1]
    found = {rule: run_live(stack, rule, offered, seed) for rule in rules}
    pair = Pair.of(found[Rule.OURS], found[Rule.HPA], offered, seed)
    show(f"  pair {number + 1} of {count}: violating seconds {pair.late:.2f}, replica-seconds {pair.cost:.2f} of HPA's")
    return pair


def named(result: SimulationResult, where: str) -> SimulationResult:
    """Return a result that says where it was seen."""
    return SimulationResult(f"{result.rule}, {where}", result.seconds, result.replica_seconds, result.violating_seconds)


def live_objectives(pairs: Sequence[Pair]) -> tuple[Objective, ...]:
    """Return what our rule has to reach at the stack: ratios by the median of the pairs, the rest by the worst."""
    ours = [pair.ours for pair in pairs]
    enough = [enough_after(side.scenario, side.live) for side in ours]
    slowest = max(float("inf") if found is None else found for found in enough)
    late, cost = [pair.late for pair in pairs], [pair.cost for pair in pairs]
    failed = sum(side.live.failed for side in ours)
    worst = f"worst of {len(pairs)} runs"
    return (
        Objective("Enough ready capacity after the step, live", "at most", READY_SECONDS, slowest, "s", worst),
        ratio_of_pairs("Violating seconds, in times of HPA's, live", VIOLATIONS_RATIO, late),
        ratio_of_pairs("Replica-seconds, in times of HPA's, live", COST_RATIO, cost),
        Objective("Failed requests, live", "at most", 0, failed, basis=outcomes([side.run for side in ours])),
        Objective(
            "Replicas at the end, live",
            "at most",
            float(SETTINGS.least),
            float(max(side.live.seconds[-1].paid for side in ours)),
            basis=f"the minimum; {worst}",
        ),
    )


def ratio_of_pairs(name: str, most: float, ratios: Sequence[float]) -> Objective:
    """Return the median ratio as an objective."""
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return Objective(name, "at most", most, median(ratios), basis=f"median of {len(ratios)} pairs: {each}")


def outcomes(runs: Sequence[Followed]) -> str:
    """Return how many requests there were, and what became of those that failed."""
    results = [found for run in runs for found in run.results]
    counts = Counter(found.outcome for found in results if found.error)
    failed = ", ".join(f"{count} x {name}" for name, count in counts.items()) or "none failed"
    return f"{len(results):,} requests, {failed}"
