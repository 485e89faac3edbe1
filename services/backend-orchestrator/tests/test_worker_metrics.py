"""What a worker tells, as a process of its own and of attempts that end in each way."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from tests.support.measuring import measuring
from tests.support.metric_rules import OPENMETRICS, families, faults, series
from tests.support.ports import free_ports

from backend_orchestrator.consumer import Delivery
from backend_orchestrator.handling import Outcome
from backend_orchestrator.worker_metrics import WorkerMetrics
from optimus_kit.drain import Drain
from optimus_kit.metrics import Metrics

START_SECONDS = 60.0


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "backend_orchestrator", "worker"]
    environ = environ | {"PYTHONPATH": ":".join(sys.path), "HOST": "127.0.0.1", **measuring()}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def scraped(port: int) -> str:
    ends_at = time.monotonic() + START_SECONDS
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/metrics", headers=OPENMETRICS, trust_env=False).text
        except httpx.TransportError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.05)


def test_a_worker_tells_what_the_page_says_and_ends_as_ever(environ: dict[str, str]) -> None:
    port = free_ports(1)[0]
    with worker(environ | {"METRICS_PORT": str(port), "QUEUE_CONCURRENCY": "8"}) as process:
        text = scraped(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_SECONDS) == 0
    assert faults(text, "W") == []
    assert families(text)["optimus_worker_slots"].samples[0].value == 10


def test_a_port_that_is_taken_is_one_message(environ: dict[str, str]) -> None:
    port = free_ports(1)[0]
    with worker(environ | {"METRICS_PORT": str(port)}):
        scraped(port)
        with worker(environ | {"METRICS_PORT": str(port)}) as second:
            _, complaint = second.communicate(timeout=START_SECONDS)
    assert second.returncode == 3
    assert complaint.startswith(f"backend-orchestrator: METRICS_PORT={port}: cannot listen")
    assert len(complaint.splitlines()) == 1


def handling(*ends: Outcome | BaseException) -> Callable[[Delivery], Awaitable[Outcome]]:
    left = list(ends)

    async def handle(_delivery: Delivery) -> Outcome:
        end = left.pop(0)
        if isinstance(end, BaseException):
            raise end
        return end

    return handle


async def test_attempts_are_counted_by_how_they_end() -> None:
    metrics = Metrics(Drain())
    ends = (*Outcome, Outcome.ANSWERED, ConnectionError(), asyncio.CancelledError())
    handle = WorkerMetrics(metrics, Drain(), 10).counted(handling(*ends))
    before = series((await metrics.exposition(OPENMETRICS["Accept"]))[0].decode())
    for end in ends:
        if isinstance(end, BaseException):
            with pytest.raises(type(end)):
                await handle(Delivery("1-0", {}))
        else:
            await handle(Delivery("1-0", {}))
    text = (await metrics.exposition(OPENMETRICS["Accept"]))[0].decode()
    counted = families(text)["optimus_queue_processed_total"].samples
    assert {sample.labels["outcome"]: sample.value for sample in counted} == {
        "answered": 2,
        "delayed": 1,
        "dead": 1,
        "repeated": 1,
        "lost": 1,
        "interrupted": 2,
    }
    # Counts are there from the start, so that the first failure is an increase.
    assert {name for name, _ in series(text) - before} <= {
        f"optimus_queue_processing_duration_seconds_{part}" for part in ("bucket", "sum", "count")
    }
