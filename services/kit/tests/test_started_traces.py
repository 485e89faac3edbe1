"""The spans of a service's processes at their end: SIGTERM sends what waits, SIGKILL loses that and no more."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.e2e.collector import Collector, collecting
from tests.support.drained_service import Service, Start, starting_services

from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id

SECONDS = 60.0
TWO_WORKERS = {"DRAIN_DELAY": "0", "WEB_CONCURRENCY": "2"}
# Longer than any test: spans wait for the end.
WAITING = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "20"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def start_service() -> Iterator[Start]:
    with starting_services() as start:
        yield start


def until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def workers_of(service: Service) -> list[int]:
    parent = service.process.pid
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Keep a process from running, and so from accepting a connection."""
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T"))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def ask(service: Service) -> str:
    """Ask once over a connection of its own; the trace's id."""
    context = TraceContext(new_trace_id(), new_span_id(), sampled=True)
    with httpx.Client(timeout=SECONDS, verify=False) as client:  # noqa: S501 - plain HTTP on the loopback
        answer = client.get(f"{service.url}/slow?seconds=0", headers={"traceparent": context.traceparent})
    assert answer.headers.get_list("X-Trace-Id") == [context.trace_id]
    return context.trace_id


def ask_each(service: Service, times: int) -> dict[int, list[str]]:
    """Ask each of two workers; traces by the worker that answered."""
    first, second = workers_of(service)
    asked = {}
    for worker, other in ((first, second), (second, first)):
        with stopped(other):
            asked[worker] = [ask(service) for _ in range(times)]
    return asked


def instances(collector: Collector, trace_ids: list[str]) -> list[str]:
    """Which process each span of these traces is from."""
    return [span.instance for trace_id in trace_ids for span in collector.trace(trace_id)]


def test_both_workers_send_what_waits_before_they_end(start_service: Start, collector: Collector) -> None:
    service = start_service(**TWO_WORKERS, **WAITING, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    asked = ask_each(service, 5)
    assert collector.spans == []
    service.terminate()
    assert service.wait() == 0
    for worker, trace_ids in asked.items():
        sent = instances(collector, trace_ids)
        assert len(sent) == 5
        assert all(instance.endswith(f"-{worker}") for instance in sent)


def test_a_worker_that_is_killed_loses_what_waited_and_its_successor_records(
    start_service: Start, collector: Collector
) -> None:
    service = start_service(**TWO_WORKERS, **WAITING, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    asked = ask_each(service, 3)
    victim, survivor = asked
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers_of(service)) == 2 and victim not in workers_of(service))
    later = ask_each(service, 2)
    service.terminate()
    assert service.wait() == 0
    assert instances(collector, asked[victim]) == []
    assert len(instances(collector, asked[survivor])) == 3
    assert sorted(map(len, (instances(collector, trace_ids) for trace_ids in later.values()))) == [2, 2]


def test_what_the_collector_had_taken_is_not_lost(start_service: Start, collector: Collector) -> None:
    service = start_service(DRAIN_DELAY="0", **SOON, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    taken = [ask(service) for _ in range(20)]
    until(lambda: all(collector.trace(trace_id) for trace_id in taken))
    last = ask(service)
    service.process.kill()
    service.process.wait()
    assert [len(collector.trace(trace_id)) for trace_id in taken] == [1] * 20
    assert len(collector.trace(last)) <= 1


def test_a_service_without_a_collector_ends_as_one_with(start_service: Start) -> None:
    # Nobody listens there.
    service = start_service(**TWO_WORKERS, **WAITING, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    ask_each(service, 1)
    service.terminate()
    assert service.wait() == 0
