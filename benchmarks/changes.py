"""Changes under load: what clients lose while ai-engine is scaled, deployed, rolled back and configured anew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop
from docker.errors import DockerException

from benchmarks.cases import CASES, Case, Ours, Plain, Way, wait_for_replicas
from benchmarks.changes_text import explained
from benchmarks.chat import ai_engine
from benchmarks.impact import PHASES, ChangeWindow, Impact, Latency, measure_impact
from benchmarks.mix import Mix, MixedRequests
from benchmarks.platform_under_test import Engine, Platform, platform
from benchmarks.section import Blocks, samples, show
from benchmarks.versions import Versions, two_versions
from optimus_ops.errors import OpsError
from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.reports.measurement import Objective
from optimus_ops.reports.model import Details, Table
from optimus_ops.reports.pictures import Chart, ChartRow, Panel
from optimus_ops.reports.spans import Span
from optimus_ops.system.wait import wait_until

MIX = Mix()
CLIENTS = 60
RAMP_SECONDS = MIX.slow_milliseconds / 1000
"""The clients begin over the time of a slow request: from then on slow requests end evenly and not in waves."""
PACE = Pace(CLIENTS, ramp=RAMP_SECONDS, pause_after_error=0.2)
TIMEOUT_SECONDS = 60.0
FEW_LOST = 20
OURS, PLAIN = "Optimus Ops", "plain Compose"
COLUMNS = ("", "by", "requests", "failed", "cut streams", "seconds", "settled", "gap", *PHASES)


@dataclass(frozen=True)
class Effort:
    """How much is measured: least requests, least seconds of load before and after the change, most after that."""

    requests: int = 20_000
    before: float = 5.0
    after: float = 15.0
    limit: float = 300.0
    build: bool = True


QUICK = Effort(requests=2_000, before=2.0, after=5.0, limit=60.0, build=False)


CaseRun = Impact | str
"""The impact of one case, done in one way, or why it could not be measured."""


@dataclass(frozen=True)
class Comparison:
    """One case, done in both ways."""

    case: Case
    ours: CaseRun
    plain: CaseRun


def measure(engine: Engine, effort: Effort, names: Sequence[str] = ()) -> Blocks:
    """Measure the cases named, or all, each in both ways, the first one in turn."""
    found: list[Comparison] = []
    with two_versions(engine, build=effort.build) as images:
        for number, case in enumerate(case for case in CASES if not names or case.name in names):
            ways: list[tuple[str, Way]] = [(OURS, Ours()), (PLAIN, Plain())]
            runs = {name: attempt_case(engine, images, case, way, effort) for name, way in ways[:: (-1) ** number]}
            found.append(Comparison(case, runs[OURS], runs[PLAIN]))
    return section(found)


def attempt_case(engine: Engine, images: Versions, case: Case, way: Way, effort: Effort) -> CaseRun:
    """Measure a case in one way; if that fails, keep why."""
    try:
        impact = run_case(engine, images, case, way, effort)
    except (OpsError, DockerException, RuntimeError, OSError) as error:
        show(f"{case.name}, {type(way).__name__.lower()}: {error}")
        return str(error)
    result = f"{impact.requests} requests, {impact.lost} lost, {impact.seconds:.1f} s"
    show(f"{case.name}, {type(way).__name__.lower()}: {result}")
    return impact


def run_case(engine: Engine, images: Versions, case: Case, way: Way, effort: Effort) -> Impact:
    """Measure a case in one way, on a stack of its own."""
    with platform(engine, images.environ) as stack:
        way.prepare(stack, images, case)
        wait_for_replicas(stack, images, case.before)
        endpoint = ai_engine("127.0.0.1", stack.ai_port, TIMEOUT_SECONDS)
        workload = MixedRequests(endpoint, stack.secret("TENANT_ACME_API_KEY"), MIX)
        load = BackgroundLoad(
            lambda record, stopped: run_closed_loop(endpoint, workload, PACE, record, stopped), uvloop.run
        )
        with load:
            time.sleep(RAMP_SECONDS + effort.before)
            began = time.monotonic()
            way.change(stack, images, case)
            ended = time.monotonic()
            # Plain Compose returns before the replicas serve.
            replicas = wait_for_replicas(stack, images, case.after)
            time.sleep(effort.after)
            go_on(load, effort)
            stopped = time.monotonic()
        impact = measure_impact(load.results, ChangeWindow(began, ended, stopped, replicas))
        if 0 < impact.lost <= FEW_LOST:
            show(*impact.first_failures, *balancer_errors(stack))
        return impact


def go_on(load: BackgroundLoad, effort: Effort) -> None:
    """Let the clients ask until there are enough results; fail where there are not in time."""

    def enough() -> bool:
        load.check()
        return len(load.results) >= effort.requests

    if not wait_until(enough, effort.limit, poll=0.2):
        raise RuntimeError(f"{len(load.results)} of {effort.requests} requests within {effort.limit} s")


def balancer_errors(stack: Platform) -> list[str]:
    """Return what the balancer wrote of failed requests, for who looks into it."""
    logs = stack.compose("logs", "--no-log-prefix", "nginx-lb").splitlines()
    return [line for line in logs if "[error]" in line or '"status":5' in line][-3 * FEW_LOST :]


def section(found: Sequence[Comparison]) -> Blocks:
    """Put the section together."""
    return *map(objective, found), chart(found), table(found), *explained(MIX, CLIENTS), series(found)


def objective(comparison: Comparison) -> Objective:
    """Return the line with the verdict: what we lost, beside what plain Compose lost."""
    ours, plain = comparison.ours, comparison.plain
    lost = None if isinstance(ours, str) else ours.lost
    basis = first_line(ours) if isinstance(ours, str) else f"{ours.requests:,} requests, {ours.slow:,} of them long"
    beside = (
        f"not measured ({first_line(plain)})" if isinstance(plain, str) else f"{plain.lost:,} of {plain.requests:,}"
    )
    name = f"{comparison.case.title}: failed requests and cut streams"
    return Objective(name, "at most", 0, lost, basis=f"{basis}; plain: {beside}")


def first_line(failed: str) -> str:
    """Return the first line of a message, which says what failed."""
    return failed.strip().partition("\n")[0][:200]


def table(found: Sequence[Comparison]) -> Table:
    """Return everything that was measured, two rows per case."""
    rows: list[tuple[str, ...]] = []
    for comparison in found:
        title = comparison.case.title
        for name, run in ((OURS, comparison.ours), (PLAIN, comparison.plain)):
            measured = ("not measured", *[""] * (len(COLUMNS) - 3)) if isinstance(run, str) else cells(run)
            rows.append((title, name, *measured))
            title = ""
    return Table(COLUMNS, tuple(rows), frozenset({"requests", "cut streams", "seconds", "settled", "gap"}))


def cells(impact: Impact) -> tuple[str, ...]:
    """Return the cells of a run."""
    outcomes = ", ".join(f"{count:,} x {failure}" for failure, count in impact.failures.items())
    failed = f"{impact.failed:,} ({outcomes})" if impact.failed else "0"
    times = (f"{impact.seconds:.1f} s", f"{impact.settled:.1f} s", f"{impact.gap:.2f} s")
    quantiles = (latency_text(impact.latencies[phase]) for phase in PHASES)
    return f"{impact.requests:,}", failed, f"{impact.cut:,}", *times, *quantiles


def latency_text(latency: Latency) -> str:
    """Return the percentiles of a phase."""
    return "-" if latency.p50 is None or latency.p99 is None else f"{latency.p50:.1f} / {latency.p99:.1f} ms"


def chart(found: Sequence[Comparison]) -> Chart:
    """Return the picture: requests and failures per second, a row per case."""
    rows = tuple(
        ChartRow(comparison.case.title, (panel(comparison.ours), panel(comparison.plain))) for comparison in found
    )
    return Chart(
        "Requests per second and failures, second by second.",
        "Clients in a closed loop through the balancer; seconds from the beginning of the change.",
        (OURS, PLAIN),
        rows,
        ("answered per second", "failed per second", "the change"),
        "changes",
    )


def panel(impact: CaseRun) -> Panel | None:
    """Return the picture of a run."""
    if isinstance(impact, str):
        return None
    lost = Span(f"{impact.lost:,} lost", "bad" if impact.lost else "good")
    caption = (lost, f" of {impact.requests:,}, change took {impact.seconds:.1f} s")
    return Panel(impact.series, (0.0, impact.seconds), caption)


def series(found: Sequence[Comparison]) -> Details:
    """Return what the picture was made from: counts of each second."""
    counts: dict[str, Sequence[float]] = {}
    for comparison in found:
        for name, run in ((OURS, comparison.ours), (PLAIN, comparison.plain)):
            if not isinstance(run, str):
                of = f"{comparison.case.title}, {name}, from second {run.series.start:.0f} on"
                counts |= {f"{of}: answered": run.series.good, f"{of}: failed": run.series.bad}
    return samples(counts, "per second")
