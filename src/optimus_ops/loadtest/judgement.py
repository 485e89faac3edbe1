"""Verdicts on a run: whether it is valid at all, its thresholds, and fairness between tenants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles

from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError
from optimus_ops.loadtest.compare import Comparison
from optimus_ops.loadtest.fairness import fairness_objective
from optimus_ops.loadtest.model import LoadResult, Threshold
from optimus_ops.loadtest.records import Interval
from optimus_ops.reports.measurement import Objective

MOST_CPU = 0.85
MOST_TIMER_DELAY = 0.020
LEAST_ACHIEVED = 0.98
FIGURES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
FIRST_TOKEN = "first-token-"  # noqa: S105 - a figure's name
FAILURES = "failures"
FIGURE_NAMES = (*FIGURES, *(f"{FIRST_TOKEN}{name}" for name in FIGURES), FAILURES)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on a run: whether its figures count at all, and whether they are good enough."""

    checks: tuple[Check, ...]
    objectives: tuple[Objective, ...]
    worse: tuple[Comparison, ...] = ()
    """Percentiles that are proven to be slower than those of earlier runs, by more than the profile allows."""

    @property
    def invalid(self) -> tuple[Check, ...]:
        """What makes the figures say nothing."""
        return tuple(check for check in self.checks if check.verdict == "failed")

    @property
    def missed(self) -> tuple[Objective, ...]:
        """The thresholds that were missed; one that could not be measured was not kept either."""
        return tuple(objective for objective in self.objectives if objective.verdict != "met")

    @property
    def ok(self) -> bool:
        """Whether the run is valid and all is good enough."""
        return not self.invalid and not self.missed and not self.worse


def judge(result: LoadResult) -> Judgement:
    """Return the verdicts."""
    worse = tuple(found for found in result.comparisons if found.is_worse(result.profile.slower))
    return Judgement(validity(result), objectives(result), worse)


def complaint(result: LoadResult, judgement: Judgement) -> OpsError | None:
    """Return why the run is not good, if it is not: it ends with exit code 1."""
    if judgement.invalid:
        check = judgement.invalid[0]
        return OpsError(f"invalid run: {check.found}", check.hint or None)
    if judgement.missed:
        names = [f"{each.name} is {each.measured_text}, {each.target} wanted" for each in judgement.missed]
        return OpsError("\n  ".join([f"{len(names)} of {len(judgement.objectives)} objectives are missed", *names]))
    if judgement.worse:
        most = result.profile.slower
        names = [f"{each.request_class} p{each.percent:g}: {each.ratio:.2f} times as long" for each in judgement.worse]
        return OpsError("\n  ".join([f"slower than the runs before, and more than {most:g} times as long", *names]))
    return None


def validity(result: LoadResult) -> tuple[Check, ...]:
    """Return the checks without which the figures say nothing."""
    return (*_processor(result), *_timers(result), _workers(result), _achieved(result))


def achieved_share(result: LoadResult) -> float | None:
    """Return the share of the requests that were due which have an outcome; None where none was due."""
    done = result.total().offered
    offered = done + result.missing
    return done / offered if offered else None


def objectives(result: LoadResult) -> tuple[Objective, ...]:
    """Return the thresholds of the profile with what was measured."""
    found = [_objective(result, threshold) for threshold in result.profile.thresholds]
    if rule := result.profile.fairness:
        found.append(fairness_objective(result, rule))
    return tuple(found)


def figure(interval: Interval, name: str) -> float | None:
    """Return a figure of an interval by its name: seconds of a percentile, or the share of failures."""
    if name == FAILURES:
        done = interval.ok + interval.failures
        return interval.failures / done if done else None
    histogram = interval.first_token if name.startswith(FIRST_TOKEN) else interval.latency
    return histogram.percentile(FIGURES[name.removeprefix(FIRST_TOKEN)])


def _processor(result: LoadResult) -> Iterator[Check]:
    for worker in result.workers:
        name = f"generator {worker.number + 1}"
        if len(worker.cpu) < 2:
            yield Check(name, "processor", "ok", "not measured: too short a run")
            continue
        # Starting up is not load, and a single busy second is none of the run.
        typical = quantiles(worker.cpu[1:], n=10)[8] if len(worker.cpu) > 2 else max(worker.cpu)
        text = f"{typical:.0%} of a core (90th percentile of seconds)"
        if typical > MOST_CPU:
            hint = "it measured itself: more --workers, fewer requests, or another machine"
            yield Check(name, "processor", "failed", f"{text}, at most {MOST_CPU:.0%} may be", hint)
        else:
            yield Check(name, "processor", "ok", text)


def _timers(result: LoadResult) -> Iterator[Check]:
    """Give a warning where generators woke up late: latencies have in them what others used of the processor."""
    for worker in result.workers:
        if len(worker.timer_delays) > 1:
            late = quantiles(worker.timer_delays, n=10)[8]
            text = f"up to {late * 1000:,.1f} ms late (90th percentile)"
            name = f"generator {worker.number + 1}"
            if late > MOST_TIMER_DELAY:
                hint = "others used its processor: latencies are too high by about as much"
                yield Check(name, "timers", "warning", text, hint)
            else:
                yield Check(name, "timers", "ok", text)


def _workers(result: LoadResult) -> Check:
    lost = [worker for worker in result.workers if not worker.finished]
    count = len(result.workers)
    if not lost:
        return Check(
            "generators", "workers", "ok", f"all {count} came to their end" if count > 1 else "came to its end"
        )
    last = lost[0].words.splitlines()[-1:] or ["it said nothing"]
    found = f"{len(lost)} of {count} lost: {last[0]}"
    return Check("generators", "workers", "failed", found, "what it had not handed over is missing in the figures")


def _achieved(result: LoadResult) -> Check:
    share = achieved_share(result)
    if share is None:
        return Check("load", "achieved", "failed", "no request was due", "a longer --duration or a higher --rate")
    text = f"{share:.1%} of the requests that were due have an outcome"
    if share < LEAST_ACHIEVED:
        hint = "the offered load was not reached: what is missing would have been the slowest"
        return Check("load", "achieved", "failed", f"{text}, at least {LEAST_ACHIEVED:.0%} must", hint)
    return Check("load", "achieved", "ok", text)


def _objective(result: LoadResult, threshold: Threshold) -> Objective:
    key = threshold.key
    total = result.total(key.request_class, key.tenant)
    measured = figure(total, threshold.figure)
    name = f"{key}: {threshold.figure}".removeprefix(": ")
    basis = f"{total.offered:,} requests"
    if threshold.figure == FAILURES:
        percent = None if measured is None else measured * 100
        return Objective(name, "at most", threshold.most * 100, percent, "%", basis)
    return Objective(name, "at most", threshold.most * 1000, None if measured is None else measured * 1000, "ms", basis)
