"""The OTEL_ variables: what they mean, and what is refused at the start."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.settings import SettingsError
from optimus_kit.telemetry.settings import Collector, TelemetrySettings

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
SECRET = "t0p-secret"


def read(**variables: str) -> TelemetrySettings:
    found = TelemetrySettings.from_env(ENDPOINT | {f"OTEL_{name}": value for name, value in variables.items()})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        ENDPOINT | {"OTEL_SDK_DISABLED": "true"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_SAMPLER": "x"},
    ],
)
def test_without_an_endpoint_or_turned_off_there_is_no_telemetry(environ: dict[str, str]) -> None:
    assert TelemetrySettings.from_env(environ) is None


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://collector:4318/v1/traces"),
        ({"EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318/otlp"}, "http://[::1]:4318/otlp/v1/traces"),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "https://other/spans"}, "https://other/spans"),
    ],
)
def test_the_address_of_traces_follows_the_specification(variables: dict[str, str], url: str) -> None:
    assert read(**variables).collector.url == url


def test_headers_of_traces_come_before_those_of_everything() -> None:
    common, own = "api-key=a%20b, x=1", "api-key=c"
    assert read(EXPORTER_OTLP_HEADERS=common).collector.headers == (("api-key", "a b"), ("x", "1"))
    found = read(EXPORTER_OTLP_HEADERS=common, EXPORTER_OTLP_TRACES_HEADERS=own)
    assert found.collector.headers == (("api-key", "c"),)


def test_a_value_that_is_given_is_used() -> None:
    found = read(
        EXPORTER_OTLP_TIMEOUT="3",
        EXPORTER_OTLP_COMPRESSION="gzip",
        BSP_MAX_QUEUE_SIZE="100",
        BSP_SCHEDULE_DELAY="250",
        TRACES_SAMPLER="parentbased_traceidratio",
        TRACES_SAMPLER_ARG="0.1",
        RESOURCE_ATTRIBUTES="team=core,region=s%C3%A3o",
        CAPTURE_CONTENT="true",
    )
    assert found.collector == Collector("http://collector:4318/v1/traces", timeout=3, gzip=True)
    assert (found.batching.queue, found.batching.batch, found.batching.delay) == (100, 100, 0.25)
    assert (found.sampling.name, found.sampling.ratio) == ("parentbased_traceidratio", 0.1)
    assert found.attributes == (("team", "core"), ("region", "são"))
    assert found.capture_content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:{SECRET}@collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://collector/?token={SECRET}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://collector/#{SECRET}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"grpc://{SECRET}:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"{SECRET}:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{SECRET}:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://[{SECRET}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://collector:0/{SECRET}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://collector/{SECRET}\r\nX: y"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://c\u00f6llector/{SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", SECRET),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"={SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"api key={SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={SECRET}%0d%0aX:%20y"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={SECRET}%E2%82%AC"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"\u00e4pi={SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"api:key={SECRET}"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", f"Content-Length={SECRET}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", f"host={SECRET}"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "nan"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "nowhere.pem"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team"),
        ("OTEL_SDK_DISABLED", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name_and_never_shown_where_it_may_be_secret(
    name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        TelemetrySettings.from_env({**ENDPOINT, name: value})
    assert SECRET not in str(refused.value)


def test_a_ratio_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(SettingsError, match="OTEL_TRACES_SAMPLER_ARG"):
        read(TRACES_SAMPLER="traceidratio", TRACES_SAMPLER_ARG="10")


def test_a_certificate_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        read(EXPORTER_OTLP_ENDPOINT="https://collector", EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "ca.pem"))


@given(st.text(max_size=60))
def test_headers_of_any_text_are_read_or_refused(text: str) -> None:
    try:
        headers = read(EXPORTER_OTLP_HEADERS=text).collector.headers
    except SettingsError:
        return
    for name, value in headers:
        assert name
        f"{name}: {value}".encode("latin-1")
        assert not {"\r", "\n", "\0"} & {*name, *value}
