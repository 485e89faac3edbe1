"""What /metrics shows, in both of its formats, and what it does not let in."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from optimus_kit.app import create_app, note_tenant
from optimus_kit.drain import Drain
from optimus_kit.edge import METHODS
from optimus_kit.metrics import Following, Metrics, Reading, RequestMetrics, show_spans
from optimus_kit.metrics.exposition import takes_openmetrics
from optimus_kit.metrics.process import ProcessUsage
from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.counts import SpanCounts

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def value(text: str, sample: str) -> float:
    found = re.findall(rf"^{re.escape(sample)} (\S+)", text, re.MULTILINE)
    assert len(found) == 1, f"{sample}: {found}"
    return float(found[0])


async def shown(metrics: Metrics, accept: str | None = None) -> str:
    return (await metrics.exposition(accept))[0].decode()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Drain())


async def test_openmetrics_is_read_by_its_parser_and_joins_a_slow_request_to_its_trace(metrics: Metrics) -> None:
    requests = RequestMetrics(metrics, Drain())
    requests.observe("/a", "GET", 200, 0.3, "acme", TRACE)
    requests.observe("/a", "GET", 200, 0.3, None, None)
    text, content_type = await metrics.exposition(OPENMETRICS["Accept"])
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}  # type: ignore[no-untyped-call]
    assert families["http_server_request_duration_seconds"].unit == "seconds"
    assert examples(text) == {"0.5": (TRACE, 0.3)}


def examples(text: bytes) -> dict[str, tuple[str, float]]:
    """Trace id and seconds by upper bound."""
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}  # type: ignore[no-untyped-call]
    return {
        sample.labels["le"]: (sample.exemplar.labels["trace_id"], sample.exemplar.value)
        for sample in families["http_server_request_duration_seconds"].samples
        if sample.exemplar
    }


async def test_a_bucket_has_a_new_example_each_second_whatever_the_others_have(metrics: Metrics) -> None:
    now = [100.0]
    requests = RequestMetrics(metrics, Drain(), lambda: now[0])

    async def shown_after(seconds: float, trace: str) -> dict[str, str]:
        requests.observe("/a", "GET", 200, seconds, None, trace)
        text, _ = await metrics.exposition(OPENMETRICS["Accept"])
        return {bound: trace for bound, (trace, _) in examples(text).items()}

    assert await shown_after(0.3, "first") == {"0.5": "first"}
    assert await shown_after(0.3, "too soon") == {"0.5": "first"}
    assert await shown_after(0.5, "a bound belongs to the bucket below") == {"0.5": "first"}
    assert await shown_after(200.0, "slow") == {"0.5": "first", "+Inf": "slow"}
    now[0] += 1
    assert await shown_after(0.3, "next") == {"0.5": "next", "+Inf": "slow"}


async def test_the_plain_format_has_neither_exemplars_nor_times_of_creation(metrics: Metrics) -> None:
    RequestMetrics(metrics, Drain()).observe("/a", "GET", 200, 0.3, "acme", TRACE)
    text, content_type = await metrics.exposition("*/*")
    assert content_type.startswith("text/plain")
    assert TRACE not in text.decode()
    assert "_created" not in text.decode()


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/openmetrics-text", True),
        ("text/plain;version=0.0.4;q=0.5, Application/OpenMetrics-Text ; version=0.0.1", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text; Q = 0.000", False),
        ("application/openmetrics-text;q=0.05", True),
        ("application/openmetrics-text;version=x.y;escaping=\x00", True),
        (";,;;=,", False),
    ],
)
def test_openmetrics_is_for_who_asks_for_it(accept: str | None, taken: bool) -> None:
    assert takes_openmetrics(accept) is taken


@given(st.text())
def test_no_accept_header_is_an_error(accept: str) -> None:
    takes_openmetrics(accept)


async def test_requests_of_tenants_are_counted_by_class_of_the_answer(settings: ServiceSettings) -> None:
    app = create_app(settings, checks={})

    @app.get("/of/{name}")
    async def of(name: str, request: Request) -> str:
        note_tenant(request, name)
        return name

    text = await after(app, ["/of/acme", "/of/acme", "/health", "/none"])
    assert value(text, 'optimus_tenant_requests_total{status_class="2xx",tenant="acme"}') == 2
    assert value(text, 'optimus_tenant_request_duration_seconds_count{tenant="acme"}') == 2
    assert {"acme"} == set(re.findall('tenant="([^"]*)"', text))


async def after(app: FastAPI, paths: list[str], method: str = "GET", headers: Mapping[str, str] | None = None) -> str:
    """What /metrics shows after requests."""
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        for path in paths:
            await client.request(method, path)
        return (await client.get("/metrics", headers=headers)).text


async def test_methods_and_paths_that_clients_invent_are_no_labels(settings: ServiceSettings) -> None:
    app = create_app(settings, checks={})
    texts = [
        await after(app, ["/", '/a"b', "/metrics/x", "/health"], method) for method in ("BREW", "brew", "get", "X-1")
    ]
    assert set(re.findall('http_request_method="([^"]*)"', texts[-1])) == {"_OTHER", "GET"}
    assert set(re.findall('http_route="([^"]*)"', texts[-1])) == {"unmatched", "/health", "/metrics"}


@given(method=st.text(), path=st.one_of(st.text(), st.text().map("/of/{}".format)), body=st.binary(), tenant=st.text())
def test_no_request_brings_a_label_of_its_own(method: str, path: str, body: bytes, tenant: str) -> None:
    app = create_app(ServiceSettings(service="demo", port=0), checks={})

    @app.get("/of/{name}")
    async def of(name: str) -> str:
        return name

    headers = [(b"x-tenant", tenant.encode()), (b"x-request-id", body), (b"traceparent", body)]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": body, "root_path": ""}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: object) -> None:
        return None

    async def asked() -> str:
        await app(scope, receive, send)
        return await shown(app.state.metrics, OPENMETRICS["Accept"])

    families = text_string_to_metric_families(asyncio.run(asked()))  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    labels = [sample.labels for sample in samples if sample.name.startswith("http_server_request")]
    assert labels
    assert {label["http_request_method"] for label in labels if label} <= {*METHODS, "_OTHER"}
    assert {label["http_route"] for label in labels if label} <= {
        "unmatched",
        "/of/{name}",
        "/health",
        "/ready",
        "/metrics",
    }
    assert "optimus_tenant_requests_total" not in {sample.name for family in families for sample in family.samples}


async def test_the_usage_of_the_process_is_told(metrics: Metrics) -> None:
    text = await shown(metrics)
    assert value(text, "process_resident_memory_bytes") > 1 << 20
    assert value(text, "process_cpu_seconds_total") > 0
    assert 3 <= value(text, "process_open_fds") <= value(text, "process_max_fds")
    assert time.time() - 86_400 < value(text, "process_start_time_seconds") <= time.time()


def test_the_usage_of_a_parent_has_that_of_its_workers() -> None:
    def resident(*, children: bool) -> float:
        shown = {family.name: family for family in ProcessUsage(os.getpid(), children=children).collect()}
        return float(shown["process_resident_memory_bytes"].samples[0].value)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alone, together = resident(children=False), resident(children=True)
        child.communicate(b"\n")
    assert together > alone + (1 << 20)


async def test_spans_are_counted_as_the_exporter_counts_them(metrics: Metrics) -> None:
    counts = [SpanCounts()]
    show_spans(metrics, lambda: counts[0])
    assert value(await shown(metrics), "otel_spans_dropped_total") == 0
    counts[0] = SpanCounts(exported=5, dropped=2)
    assert value(await shown(metrics), "otel_spans_exported_total") == 5
    assert value(await shown(metrics), "otel_spans_dropped_total") == 2


def test_a_counter_follows_a_total_and_never_falls(metrics: Metrics) -> None:
    follow = Following(Counter("things", "Things", registry=metrics.registry))
    for total in (3, 3, 7, 0, 8):
        follow(total)
    assert metrics.registry.get_sample_value("things_total") == 8


class Away:
    """A source that may be away, hang, or count how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 100.0
        self.error: Exception | None = None
        self.hangs = False

    async def read(self) -> int:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.asked

    def reading(self, seconds: float = 60.0) -> Reading[int]:
        return Reading("it", self.read, fresh=2.0, seconds=seconds, clock=lambda: self.now)


async def test_a_reading_is_told_again_while_it_is_fresh() -> None:
    source = Away()
    reading = source.reading()
    await asyncio.gather(*(reading.refresh() for _ in range(10)))
    await reading.refresh()
    assert (reading.value, source.asked) == (1, 1)
    source.now += 2.0
    await reading.refresh()
    assert (reading.value, source.asked) == (2, 2)


async def test_a_reading_that_fails_is_none_and_not_asked_for_by_each_scrape() -> None:
    source = Away()
    reading = source.reading()
    await reading.refresh()
    source.error, source.now = ConnectionError("redis://user:pass@10.0.0.1"), source.now + 2
    await reading.refresh()
    await reading.refresh()
    assert (reading.value, source.asked) == (None, 2)


async def test_a_reading_that_hangs_is_none_and_comes_back() -> None:
    source = Away()
    reading = source.reading(seconds=0.01)
    await reading.refresh()
    source.hangs, source.now = True, source.now + 2
    await reading.refresh()
    assert reading.value is None
    # What was given up has to have ended.
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
    source.hangs, source.now = False, source.now + 2
    await reading.refresh()
    assert reading.value == 3


async def test_what_a_scrape_waits_for_is_told_by_it(metrics: Metrics) -> None:
    source = Away()
    reading = source.reading()

    class Shown:
        def collect(self) -> list[CounterMetricFamily]:
            return [CounterMetricFamily("asked", "Asked", value=reading.value)]

    metrics.refreshed_by(reading.refresh)
    metrics.add(Shown())
    assert value(await shown(metrics), "asked_total") == 1
