"""Changes under load: what clients lose while ai-engine is scaled, deployed, rolled back and configured anew."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException

from benchmarks.cases import CASES, Ours, Plain, arrived
from benchmarks.clients import Clients, Mix
from benchmarks.figures import Figure, Target
from benchmarks.http_wire import Address
from benchmarks.picture import Panel, Row, picture
from benchmarks.platform_under_test import platform
from benchmarks.section import Part
from benchmarks.timeline import PHASES, Seen, Window, as_json, seen
from benchmarks.versions import two_versions
from optimus_ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.cases import Case, Way
    from benchmarks.platform_under_test import Engine, Platform
    from benchmarks.timeline import Latency
    from benchmarks.versions import Versions

NONE_LOST = Target(0)
CLIENTS = 60
FEW_LOST = 20
PICTURE = "changes.svg"
OURS, PLAIN = "Optimus Ops", "plain Compose"
MIX = Mix()


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Args:
        requests: at least so many per case.
        before: seconds with all clients before the change begins.
        after: seconds after it is over and all replicas are there, at the least.
        limit: seconds after that, at the most.
        build: whether the images are built of the sources first.
    """

    requests: int = 20_000
    before: float = 5.0
    after: float = 15.0
    limit: float = 300.0
    build: bool = True


QUICK = Effort(requests=2_000, before=2.0, after=5.0, limit=60.0, build=False)


@dataclass(frozen=True)
class Run:
    """One case, done in one way.

    Args:
        seen: what the clients saw; None if it could not be measured.
        failed: why.
    """

    seen: Seen | None
    failed: str = ""


@dataclass(frozen=True)
class Comparison:
    """One case, done in both ways."""

    case: Case
    ours: Run
    plain: Run


def measure(engine: Engine, effort: Effort, names: Sequence[str] = ()) -> Part:
    """Measure the cases named, or all, each in both ways, the first one in turn."""
    found: list[Comparison] = []
    with two_versions(engine, build=effort.build) as images:
        for number, case in enumerate(case for case in CASES if not names or case.name in names):
            ways: list[tuple[str, Way]] = [(OURS, Ours()), (PLAIN, Plain())]
            runs = {name: attempt(engine, images, case, way, effort) for name, way in ways[:: (-1) ** number]}
            found.append(Comparison(case, runs[OURS], runs[PLAIN]))
    return part(found)


def attempt(engine: Engine, images: Versions, case: Case, way: Way, effort: Effort) -> Run:
    """Measure a case in one way; if that fails, keep why."""
    name = f"{case.name}, {type(way).__name__.lower()}"
    try:
        run = Run(one(engine, images, case, way, effort))
    except (OpsError, DockerException, RuntimeError, OSError) as error:
        run = Run(None, str(error))
    told = f"{run.seen.requests} requests, {run.seen.lost} lost, {run.seen.seconds:.1f} s" if run.seen else run.failed
    say(f"{name}: {told}")
    return run


def say(*lines: str) -> None:
    """Show how far it is."""
    print(*(f"  {line}" for line in lines), sep="\n", file=sys.stderr, flush=True)


def one(engine: Engine, images: Versions, case: Case, way: Way, effort: Effort) -> Seen:
    """Measure a case in one way, on a stack of its own."""
    with platform(engine, **images.environ) as stack:
        way.prepare(stack, images, case)
        arrived(stack, images, case.before)
        clients = Clients(Address("127.0.0.1", stack.ai_port), stack.secret("TENANT_ACME_API_KEY"), MIX, CLIENTS)
        with clients:
            wait(clients, clients.seconds_to_all + effort.before)
            began = time.perf_counter()
            way.change(stack, images, case)
            ended = time.perf_counter()
            # Plain Compose returns before the replicas serve.
            there = arrived(stack, images, case.after)
            wait(clients, effort.after)
            wait_for_count(clients, effort)
            stopped = time.perf_counter()
        found = seen(clients.fates, Window(began, ended, stopped, there))
        if 0 < found.lost <= FEW_LOST:
            say(*map(str, found.lost_ones), *balancer_errors(stack))
        return found


def balancer_errors(stack: Platform) -> list[str]:
    """Return what the balancer wrote of failed requests, for who looks into it."""
    logs = stack.compose("logs", "--no-log-prefix", "nginx-lb").splitlines()
    return [line for line in logs if "[error]" in line or '"status":5' in line][-3 * FEW_LOST :]


def wait(clients: Clients, seconds: float) -> None:
    """Let the clients do their work for some seconds."""
    time.sleep(seconds)
    clients.check()


def wait_for_count(clients: Clients, effort: Effort) -> None:
    """Let the clients do their work until there are enough requests.

    Raises:
        RuntimeError: there are not, at the limit.
    """
    until = time.monotonic() + effort.limit
    while len(clients.fates) < effort.requests:
        if time.monotonic() > until:
            raise RuntimeError(f"{len(clients.fates)} requests instead of {effort.requests} within {effort.limit} s")
        wait(clients, 0.2)


def part(found: Sequence[Comparison]) -> Part:
    """Put the part together."""
    raw = {comparison.case.name: raw_json(comparison) for comparison in found}
    notes = (f"![Requests per second and failures, second by second]({PICTURE})", table(found), *explained())
    return Part("load", tuple(map(figure, found)), raw, notes, files={PICTURE: drawn(found)})


def figure(comparison: Comparison) -> Figure:
    """Return the line with the verdict: what we lost, beside what plain Compose lost."""
    ours, plain = comparison.ours.seen, comparison.plain.seen
    basis = f"{ours.requests:,} requests, {ours.slow:,} of them long" if ours else shortly(comparison.ours.failed)
    beside = f"{plain.lost:,} of {plain.requests:,}" if plain else f"not measured ({shortly(comparison.plain.failed)})"
    what = f"{comparison.case.title}: failed requests and cut streams"
    return Figure(what, ours.lost if ours else None, NONE_LOST, f"{basis}; plain: {beside}")


def shortly(failed: str) -> str:
    """Return the first line of a message, which says what failed."""
    return failed.strip().partition("\n")[0][:200]


def table(found: Sequence[Comparison]) -> str:
    """Return everything that was measured, two lines per case."""
    head = ("", "by", "requests", "failed", "cut streams", "seconds", "settled", "gap", *PHASES)
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for comparison in found:
        title = comparison.case.title
        for name, run in ((OURS, comparison.ours), (PLAIN, comparison.plain)):
            cells = row(run.seen) if run.seen else ["not measured", *[""] * (len(head) - 3)]
            lines.append(f"| {title} | {name} | {' | '.join(cells)} |")
            title = ""
    return "\n".join(lines)


def row(run: Seen) -> list[str]:
    """Return the cells of a run."""
    kinds = ", ".join(f"{count:,} x {failure}" for failure, count in run.failures.items())
    failed = f"{run.failed:,} ({kinds})" if run.failed else "0"
    times = (f"{run.seconds:.1f} s", f"{run.settled:.1f} s", f"{run.gap:.2f} s")
    return [f"{run.requests:,}", failed, f"{run.cut:,}", *times, *(quick(run.latencies[phase]) for phase in PHASES)]


def quick(latency: Latency) -> str:
    """Return the quantiles of a phase."""
    return "-" if latency.p50 is None or latency.p99 is None else f"{latency.p50:.1f} / {latency.p99:.1f} ms"


def explained() -> tuple[str, ...]:
    """Return what one has to know to read the figures."""
    commands = ", ".join(f"`invoke {' '.join(case.words).format(image='IMAGE')}`" for case in CASES)
    seconds = f"{MIX.slow_milliseconds / 1000:.0f} s"
    return (
        (
            "Columns: `seconds` that the command took; `settled`: seconds from its beginning until every replica that "
            "was to be there had answered a client, and none that was to go answered any more; `gap`: the longest "
            "time without any good answer; `before`, `during`, `after`: p50 / p99 of the quick POSTs, where `during` "
            "reaches from the beginning of the command until both it and the settling were over."
        ),
        (
            f"Load: {CLIENTS} clients in a closed loop on connections kept open, through the balancer's published "
            f"port. {MIX.lists:.0%} of the requests GET the list of models, the others POST a prompt; {MIX.slow:.0%} "
            f"of the POSTs take {seconds}, and {MIX.slow_streams:.0%} of these stream their tokens over that time; "
            f"{MIX.quick_streams:.0%} of the quick POSTs stream, too. (With {CLIENTS} clients, POSTs alone can't come "
            f"faster than 166 per second, because of those {seconds}.) The clients' choices are the same in each run. "
            f"They begin one after the other over {seconds}, so that long requests end evenly. After an error a client "
            "waits 0.2 s."
        ),
        (
            "Failed is: a status other than 200; a connection that ends after the request was sent and before the "
            "answer is whole; no answer within 60 s; an answer to another question. A stream that ends without "
            "`data: [DONE]` is counted as cut instead. A connection that the server closes between requests is opened "
            "again and is no failure. Nothing is asked twice. Each run ends when the change is over, the number of "
            "requests is reached, and every request that was on its way has its answer."
        ),
        (
            f"Ours: {commands}. Plain: `docker compose -f … -f … up -d --scale ai-engine=N ai-engine`, with the image "
            "or the variable (LOG_LEVEL) changed in its environment. Both run on the same files, images and services; "
            "the replicas drain upon SIGTERM by themselves, so plain Compose profits from that. Each run has a fresh "
            "stack of its own, and the one that goes first changes from case to case. After each, the replicas' "
            "number, image and environment are checked."
        ),
    )


def raw_json(comparison: Comparison) -> dict[str, Any]:
    """Return both runs for the JSON file."""
    runs = {"ours": comparison.ours, "plain": comparison.plain}
    return {name: as_json(run.seen) if run.seen else {"failed": run.failed} for name, run in runs.items()}


def drawn(found: Sequence[Comparison]) -> str:
    """Return the picture."""
    panel: Callable[[Run], Panel | None] = lambda run: (  # noqa: E731 - only here
        Panel(run.seen.series, run.seen.seconds, run.seen.requests, run.seen.lost) if run.seen else None
    )
    rows = [Row(comparison.case.title, panel(comparison.ours), panel(comparison.plain)) for comparison in found]
    return picture(rows, (OURS, PLAIN))
