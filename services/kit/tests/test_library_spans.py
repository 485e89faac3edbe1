"""Spans that libraries record by OpenTelemetry's SDK."""

from collections.abc import Iterator

import pytest
from tests.e2e.collector import Collector, collecting

from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry import start_telemetry
from optimus_kit.telemetry.setup import Telemetry
from optimus_kit.tracing import span


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def telemetry(settings: ServiceSettings, collector: Collector) -> Iterator[Telemetry]:
    telemetry = start_telemetry(settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert telemetry is not None
    yield telemetry
    telemetry.shutdown(0)


def test_they_are_sent_with_ours(telemetry: Telemetry, collector: Collector) -> None:
    library = telemetry.provider.get_tracer("library")
    with span("request") as request, library.start_as_current_span("SELECT") as statement:
        statement.set_attributes({"db.statement": "SELECT 1", "rows": [1, 2], "ok": True, "part": 0.5})
    telemetry.shutdown(60)
    sent = {found.name: found for found in collector.trace(request.context.trace_id)}
    assert sent["SELECT"].parent_id == sent["request"].span_id
    assert sent["SELECT"].attributes == {"db.statement": "SELECT 1", "rows": [1, 2], "ok": True, "part": 0.5}


def test_one_that_cannot_be_encoded_is_lost_alone(
    telemetry: Telemetry, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    library = telemetry.provider.get_tracer("library")
    with span("request") as request, library.start_as_current_span("SELECT") as statement:
        statement.set_attribute("rows", ["a", None])
    telemetry.shutdown(60)
    assert [found.name for found in collector.trace(request.context.trace_id)] == ["request"]
    assert (telemetry.counts().exported, telemetry.counts().dropped) == (1, 1)
    assert "a library's span cannot be encoded (TypeError)" in caplog.text
