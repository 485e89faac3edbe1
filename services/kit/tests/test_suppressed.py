"""Where published instrumentations of libraries record nothing."""

import logging
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import get_current_span

from optimus_kit.app import create_app
from optimus_kit.logs import JsonLines
from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry import start_telemetry
from optimus_kit.tracing import span, suppress_instrumentation, trace_ids

# Nobody listens there; nothing is sent within the time of a test.
SILENT_COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
# Not based on the parent's decision.
ALWAYS_ON = {"OTEL_TRACES_SAMPLER": "always_on"}


@pytest.fixture(params=["on", "off"])
def tracing(request: pytest.FixtureRequest, settings: ServiceSettings) -> Iterator[None]:
    telemetry = start_telemetry(settings, SILENT_COLLECTOR | ALWAYS_ON if request.param == "on" else {})
    if telemetry:
        assert telemetry.provider is not None
    yield
    if telemetry:
        telemetry.shutdown(0)


def line() -> str:
    return JsonLines("demo").format(logging.LogRecord("demo", logging.INFO, __file__, 1, "here", (), None))


@pytest.mark.usefixtures("tracing")
def test_log_lines_keep_the_ids_of_what_is_worked_on() -> None:
    with span("outer", parent=f"00-{'a' * 32}-{'b' * 16}-01"):
        trace_id, span_id = trace_ids()
        with suppress_instrumentation():
            assert trace_ids() == (trace_id, span_id)
            assert f'"trace_id": "{"a" * 32}", "span_id": "{span_id}"' in line()
        assert is_instrumentation_enabled()


@pytest.mark.usefixtures("tracing")
def test_outside_of_a_request_there_are_no_ids() -> None:
    with suppress_instrumentation():
        assert trace_ids() == (None, None)


@pytest.mark.parametrize("variables", [SILENT_COLLECTOR, SILENT_COLLECTOR | ALWAYS_ON])
def test_libraries_record_nothing(settings: ServiceSettings, variables: dict[str, str]) -> None:
    telemetry = start_telemetry(settings, variables)
    assert telemetry is not None
    assert telemetry.provider is not None
    try:
        with span("outer"):
            before = is_instrumentation_enabled()
            with suppress_instrumentation():
                within = is_instrumentation_enabled()
            after = is_instrumentation_enabled()
        outside = get_current_span().get_span_context()
    finally:
        telemetry.shutdown(0)
    assert (before, within, after) == (True, False, True)
    assert not outside.is_valid


@pytest.mark.parametrize("variables", [SILENT_COLLECTOR, SILENT_COLLECTOR | ALWAYS_ON])
async def test_nor_do_they_for_probes(settings: ServiceSettings, variables: dict[str, str]) -> None:
    """What a probe asks the stores would belong to a span that there isn't."""
    seen: list[tuple[bool, str | None]] = []

    async def store() -> None:
        seen.append((is_instrumentation_enabled(), trace_ids()[0]))

    app = create_app(settings, checks={"store": store})
    telemetry = start_telemetry(settings, variables)
    assert telemetry is not None
    assert telemetry.provider is not None
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://demo") as client:
            answer = await client.get("/health", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    finally:
        telemetry.shutdown(0)
    assert answer.headers["X-Trace-Id"] == "a" * 32
    assert seen == [(False, "a" * 32)]
