"""One tenant's flood beside another one's few requests, on one replica of ai-engine: what each of the two gets."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from tests.e2e.processes import Launcher
from tests.e2e.stores import embedded_redis

from benchmarks.chat import bearer, chat_request, judge_answer
from benchmarks.fairness_upstream import running_upstream
from benchmarks.figures import interleave, paired, ratio_objective
from benchmarks.gateway import on_core
from benchmarks.section import Blocks, paragraph, samples, show
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.open_loop import run_open_loop
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.schedule import poisson_starts
from optimus_ops.reports.measurement import Objective, percentile
from optimus_ops.reports.model import Paragraph, Table

QUIET, FLOOD = "quiet", "flood"
QUIET_RATE = 5.0
CLIENTS = {QUIET: 64, FLOOD: 800}
WARM_UP_SECONDS = 2.0
"""At the beginning of a run, not counted: connections are made and the queue fills."""
RETRY_AFTER = "retry-after"
MOST_RATIO = 1.5
MOST_ADDED_SECONDS = 0.05
LEAST_SERVED = 0.7


@dataclass(frozen=True)
class Case:
    """What is short, and what the flood is.

    Args:
        connections: to the provider.
        service_seconds: that an answer takes there, half of them before the first token.
        flood_rate: requests a second, whatever becomes of them.
        flood_clients: where there is no rate: so many that each ask again at once.
        model: `embedded` asks no provider.
    """

    connections: int
    service_seconds: float
    flood_rate: float = 0.0
    flood_clients: int = 0
    model: str = "big"

    @property
    def capacity(self) -> float:
        """Answers a second that the connections are enough for."""
        return self.connections / self.service_seconds


PLACES = Case(16, 0.2, 800.0)
PROCESSOR = Case(512, 0.02, 1000.0)
EMBEDDED = Case(512, 0.02, flood_clients=400, model="embedded")


@dataclass(frozen=True)
class Effort:
    """How often both ways are run, and for how many seconds each, after the beginning."""

    pairs: int = 6
    seconds: float = 10.0


QUICK = Effort(1, 3.0)


@dataclass(frozen=True)
class Measured:
    """Results of one run."""

    quiet: Sequence[RequestResult]
    flood: Sequence[RequestResult] = ()

    @property
    def first_tokens(self) -> list[float]:
        """Seconds from the intended start to the first token, of the quiet tenant's answers."""
        return [
            result.first_byte - result.intended
            for result in self.quiet
            if result.error is None and result.first_byte is not None
        ]


class Chats:
    """Completions of one tenant, each an own conversation: streamed ones of a provider, whole ones of `embedded`."""

    def __init__(self, endpoint: Endpoint, tenant: str, model: str) -> None:
        self._stream = model != "embedded"
        self._proof = b'"tok "' if self._stream else b"You said: hello"
        content = chat_request(endpoint, bearer(key(tenant)), "hello", model, stream=self._stream)
        self._request = Request(content, kind=tenant)

    def request(self, client: int, number: int) -> Request:
        """Return the request; all are alike."""
        del client
        return replace(self._request, name=str(number))

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Expect a whole answer with its words."""
        del request
        return judge_answer(response, self._proof, stream=self._stream)


def measure_places(effort: Effort) -> Blocks:
    """Measure where the provider's connections are short: the flood is ten times what they are enough for."""
    alone, beside = measure(PLACES, effort)
    p95 = p95_of(alone), p95_of(beside)
    served = [good(run.flood) / effort.seconds / PLACES.capacity for run in beside]
    return (
        ratio_objective("quiet tenant's p95 to the first token, beside the flood / alone", MOST_RATIO, p95[1], p95[0]),
        unanswered(alone, beside),
        Objective(
            "answers that the flood gets, of the capacity",
            "at least",
            LEAST_SERVED,
            statistics.median(served),
            basis=f"median of {len(served)} runs",
        ),
        *section(PLACES, alone, beside, effort),
    )


def measure_processor(effort: Effort) -> Blocks:
    """Measure where the processor is short: there are connections enough, and answers are quick."""
    alone, beside = measure(PROCESSOR, effort)
    added = paired(p95_of(beside), p95_of(alone), lambda ours, theirs: ours - theirs)
    name = "quiet tenant's p95 to the first token, beside the flood less alone"
    basis = f"median of {len(added)} pairs"
    return (
        Objective(name, "at most", MOST_ADDED_SECONDS, statistics.median(added), "s", basis),
        unanswered(alone, beside),
        *section(PROCESSOR, alone, beside, effort),
    )


def measure_embedded(effort: Effort) -> Blocks:
    """Measure where there is nothing but the processor: the flood takes all of it that it is given."""
    alone, beside = measure(EMBEDDED, effort)
    name = "quiet tenant's p95 to the first byte, beside the flood / alone"
    return (
        ratio_objective(name, MOST_RATIO, p95_of(beside), p95_of(alone)),
        unanswered(alone, beside),
        *section(EMBEDDED, alone, beside, effort),
    )


def measure(case: Case, effort: Effort) -> tuple[list[Measured], list[Measured]]:
    """Run the quiet tenant alone and beside the flood, in turn."""
    with tempfile.TemporaryDirectory(prefix="optimus-fairness-") as folder, replica(case, Path(folder)) as endpoint:
        numbers = itertools.count()

        def run(*, flood: bool) -> Measured:
            # The quiet tenant's requests are the same ones in both runs of a pair.
            seed = next(numbers) // 2
            measured = uvloop.run(load(endpoint, case, effort.seconds, seed=seed, flood=flood))
            show(" | ".join(row("beside the flood" if flood else "alone", [measured], effort.seconds)))
            return measured

        alone, beside = interleave((lambda: run(flood=False), lambda: run(flood=True)), effort.pairs)
    return alone, beside


def p95_of(runs: Sequence[Measured]) -> list[float]:
    """Return each run's p95 of the times to the first token."""
    return [percentile(run.first_tokens, 95) for run in runs]


def unanswered(alone: Sequence[Measured], beside: Sequence[Measured]) -> Objective:
    """Return the line on requests of the quiet tenant that failed."""
    failed = sum(result.error is not None for run in (*alone, *beside) for result in run.quiet)
    return Objective("quiet tenant's requests without an answer", "at most", 0, failed, basis=f"{2 * len(alone)} runs")


@contextmanager
def replica(case: Case, folder: Path) -> Iterator[Endpoint]:
    """Run ai-engine as one process, with a Redis and a provider of its own."""
    with ExitStack() as started:
        with on_core(-1):
            upstream, redis = (
                started.enter_context(running_upstream(case.service_seconds)),
                started.enter_context(embedded_redis()),
            )
        launcher = Launcher(folder, configuration(case, folder) | {"REDIS_URL": redis, "FAKE_BASE_URL": upstream})
        with on_core(0):
            service = started.enter_context(launcher.running("ai_engine", "ai-engine"))
            service.wait_until_up()
        host, _, port = service.url.removeprefix("http://").partition(":")
        started.enter_context(on_core(-1))
        yield Endpoint(host, int(port), 60.0, frozenset({RETRY_AFTER}))


def configuration(case: Case, folder: Path) -> dict[str, str]:
    """Write the files of two tenants; return the environment."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "FAKE_API_KEYS").write_text("k1")
    for tenant in (QUIET, FLOOD):
        (secrets / f"TENANT_{tenant.upper()}_API_KEY").write_text(key(tenant))
    # The demo tenants' limits: what is shared is the replica, not a tenant's contract.
    limits = {"requests_per_minute": 600_000, "burst": 20_000, "concurrent_requests": 512}
    (folder / "tenants.yaml").write_text(json.dumps({"tenants": {QUIET: limits, FLOOD: limits}}))
    return {
        "SECRETS_DIR": str(secrets),
        "TENANTS_FILE": str(folder / "tenants.yaml"),
        "PROVIDERS": "fake",
        "FAKE_MODELS": "big",
        "PROVIDER_CONNECTIONS": str(case.connections),
        "WEB_CONCURRENCY": "1",
        "DRAIN_DELAY": "0",
        "LOG_LEVEL": "error",
    }


def key(tenant: str) -> str:
    """Return a tenant's key."""
    return f"benchmark-key-of-{tenant}"


async def load(endpoint: Endpoint, case: Case, seconds: float, *, seed: int, flood: bool) -> Measured:
    """Offer the quiet tenant's requests, and the flood's if wanted; give the results after the beginning."""
    quiet_results, flood_results = list[RequestResult](), list[RequestResult]()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        starts = poisson_starts(QUIET_RATE, WARM_UP_SECONDS + seconds, 2 * seed)
        chats = Chats(endpoint, QUIET, case.model)
        group.create_task(run_open_loop(endpoint, chats, starts, CLIENTS[QUIET], quiet_results.append))
        if flood:
            group.create_task(offer_flood(endpoint, case, seconds, 2 * seed + 1, flood_results))
    quiet, flooded = (
        [result for result in found if result.intended >= began + WARM_UP_SECONDS]
        for found in (quiet_results, flood_results)
    )
    return Measured(quiet, flooded)


async def offer_flood(endpoint: Endpoint, case: Case, seconds: float, seed: int, found: list[RequestResult]) -> None:
    """Offer the flood: by its rate, or from clients that ask again at once."""
    chats = Chats(endpoint, FLOOD, case.model)
    if case.flood_rate:
        starts = poisson_starts(case.flood_rate, WARM_UP_SECONDS + seconds, seed)
        await run_open_loop(endpoint, chats, starts, CLIENTS[FLOOD], found.append)
    else:
        ends_at = time.monotonic() + WARM_UP_SECONDS + seconds
        pace = Pace(case.flood_clients)
        await run_closed_loop(endpoint, chats, pace, found.append, lambda: time.monotonic() > ends_at)


def section(case: Case, alone: Sequence[Measured], beside: Sequence[Measured], effort: Effort) -> Blocks:
    """Return the tables, and what was measured."""
    ways = {"alone": alone, "beside the flood": beside}
    return (
        Table(
            ("quiet tenant", "p50", "p95", "p99", "failed", "flood: offered", "answered", "refused"),
            tuple(row(way, runs, effort.seconds) for way, runs in ways.items()),
        ),
        Table(("the flood is told", "", "time until then: p50", "p99", "Retry-After"), told(beside, effort)),
        explained(case, effort),
        samples({way: p95_of(runs) for way, runs in ways.items()}),
    )


def good(results: Sequence[RequestResult]) -> int:
    """Return how many requests were answered."""
    return sum(result.error is None for result in results)


def row(way: str, runs: Sequence[Measured], seconds: float) -> tuple[str, ...]:
    """Return the figures of all requests of one way."""
    first = [each for run in runs for each in run.first_tokens]
    flood = [result for run in runs for result in run.flood]
    failed = sum(result.error is not None for run in runs for result in run.quiet)
    rates = (len(flood), good(flood), len(flood) - good(flood))
    return (
        way,
        *(f"{1e3 * percentile(first, percent):.0f} ms" for percent in (50, 95, 99)),
        f"{failed} of {failed + len(first):,}",
        *(f"{number / seconds / len(runs):.0f}/s" if flood else "" for number in rates),
    )


def told(runs: Sequence[Measured], effort: Effort) -> tuple[tuple[str, ...], ...]:
    """Return a line for each outcome of the flood's requests."""
    found = [result for run in runs for result in run.flood]
    lines = []
    for outcome, count in Counter(result.outcome for result in found).most_common():
        alike = [result for result in found if result.outcome == outcome]
        seconds = [result.ended - result.intended for result in alike]
        waits = sorted({int(result.headers[RETRY_AFTER]) for result in alike if RETRY_AFTER in result.headers})
        lines.append(
            (
                outcome,
                f"{count / len(runs) / effort.seconds:.0f}/s",
                *(f"{1e3 * percentile(seconds, percent):.0f} ms" for percent in (50, 99)),
                f"{waits[0]} to {waits[-1]} s" if waits else "",
            )
        )
    return tuple(lines)


def explained(case: Case, effort: Effort) -> Paragraph:
    """Return what was measured and how."""
    replica = "One process of ai-engine on one core"
    if case.model == "embedded":
        replica += ", whose model `embedded` answers at once and asks nobody"
        flood = f"{case.flood_clients} clients that each ask again at once"
    else:
        replica += (
            f", with {case.connections} connections to a provider whose answers take {case.service_seconds * 1e3:.0f} "
            f"ms, half of it until the first token: they are enough for {case.capacity:,.0f} answers a second"
        )
        flood = f"{case.flood_rate:.0f} requests a second"
    return paragraph(
        f"{replica}. Both tenants have the limits of the demo tenants (512 requests at once). The quiet tenant asks "
        f"{QUIET_RATE:.0f} times a second in an open loop (Poisson): what is late or refused slows down nothing that "
        f"follows, and times count from the intended start. The flood: {flood}. {effort.pairs} pairs of runs of "
        f"{effort.seconds:.0f} s, {WARM_UP_SECONDS:.0f} s of the same before each; generator, provider and Redis share "
        f"the other cores."
    )
