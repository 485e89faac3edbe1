"""Metrics of several processes: whichever is asked speaks for all, and nothing counts twice."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.support.measuring import measuring

HERE = Path(__file__).parent
ROUNDS = 20


@pytest.fixture
def service() -> Iterator[str]:
    """Start the service of `drain_app` in three processes; give its address."""
    with running() as url:
        yield url


@contextmanager
def running(**variables: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "3", "DRAIN_DELAY": "0"}
    environ |= {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent / 'src'}", "PATH": os.environ["PATH"], **measuring()}
    environ |= variables
    program = [sys.executable, str(HERE / "drain_app.py")]
    with subprocess.Popen(program, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            yield until_serving(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def until_serving(url: str) -> str:
    for _ in range(600):
        try:
            get(f"{url}/ready")
        except URLError:
            time.sleep(0.05)
        else:
            return url
    raise AssertionError("the service did not begin to serve")


def get(url: str) -> str:
    """Ask over a connection of its own, so that any of the processes may answer."""
    with urlopen(url) as answer:
        body: bytes = answer.read()
    return body.decode()


def value(url: str, sample: str) -> float:
    found = re.findall(rf"^{sample} (\S+)$", get(f"{url}/metrics"), re.MULTILINE)
    return sum(map(float, found))


def test_requests_and_what_is_in_flight_count_once(service: str) -> None:
    for _ in range(ROUNDS):
        get(f"{service}/slow?seconds=0")
    served = r'http_server_request_duration_seconds_count\{[^}]*http_route="/slow"[^}]*\}'
    assert {value(service, served) for _ in range(ROUNDS)} == {ROUNDS}
    inflight = "http_server_active_requests"
    # Often, because the process that answered last may not yet have noted that it is done.
    assert 1 in {value(service, inflight) for _ in range(ROUNDS)}


def test_what_the_processes_use_is_told_alike_by_each_of_them(service: str) -> None:
    assert len({value(service, "process_start_time_seconds") for _ in range(ROUNDS)}) == 1
    cpu = [value(service, "process_cpu_seconds_total") for _ in range(ROUNDS)]
    assert cpu == sorted(cpu)


def test_spans_of_all_processes_are_counted_where_spans_are_sent() -> None:
    # Nobody listens there: what is recorded is dropped in the end.
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with running(**collector) as url:
        for _ in range(ROUNDS):
            get(f"{url}/slow?seconds=0")
        for _ in range(600):
            if value(url, "otel_spans_dropped_total") >= ROUNDS:
                break
            time.sleep(0.1)
        assert value(url, "otel_spans_dropped_total") == ROUNDS
        assert value(url, "otel_spans_exported_total") == 0


def test_without_a_collector_no_spans_are_told_of(service: str) -> None:
    assert "otel_spans" not in get(f"{service}/metrics")


def test_a_process_that_is_just_making_its_file_spoils_nothing(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").touch()
    script = (
        "from optimus_kit.drain import Drain; from optimus_kit.metrics import Metrics, RequestMetrics;"
        "metrics = Metrics(Drain()); requests = RequestMetrics(metrics, Drain());"
        "requests.observe('/', 'GET', 200, 0.1, 'acme', 'f' * 32);"
        "import asyncio; print(asyncio.run(metrics.exposition())[0].decode())"
    )
    environ = {"PYTHONPATH": str(HERE.parent / "src"), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", script], check=False, env=environ, capture_output=True, text=True)
    labels = 'http_request_method="GET",http_response_status_code="200",http_route="/"'
    assert f"http_server_request_duration_seconds_count{{{labels}}} 1.0" in shown.stdout, shown
