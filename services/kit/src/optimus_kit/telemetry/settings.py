"""Settings of telemetry: the standard OTEL_ variables, checked once at the start."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from optimus_kit.settings import SettingsError, env_bool, env_float, env_int
from optimus_kit.telemetry.sampling import SAMPLERS, Sampling

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PROTOCOL = "http/protobuf"
# RFC 9110, 5.6.2 and 5.5; a line of HTTP has no other characters.
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]*")
OWN_HEADERS = frozenset(
    {"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "expect", "te"}
)


@dataclass(frozen=True)
class Batching:
    """How spans wait for their being sent.

    Args:
        queue: spans that wait at most; more are dropped.
        batch: spans that are sent at once at most.
        delay: seconds that a span waits at most for others.
    """

    queue: int = 2048
    batch: int = 512
    delay: float = 5.0


@dataclass(frozen=True)
class Collector:
    """Where spans are sent.

    Args:
        url: of the traces endpoint.
        timeout: seconds that a batch may take, all attempts together.
        certificate: a file of certificates that an https collector is checked against; None for the system's.
        client_certificate: shown to the collector.
        client_key: its key.
        headers: sent with each batch; may hold a token.
        gzip: compress batches.
    """

    url: str
    timeout: float = 10.0
    certificate: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    headers: tuple[tuple[str, str], ...] = ()
    gzip: bool = False


@dataclass(frozen=True)
class TelemetrySettings:
    """What a service is told about traces.

    Args:
        collector: where spans go.
        batching: how they wait.
        sampling: which traces are kept.
        environment: the deployment's name.
        attributes: further ones of the resource.
        capture_content: whether prompts and answers may be attributes.
    """

    collector: Collector
    batching: Batching = Batching()
    sampling: Sampling = field(default_factory=Sampling)
    environment: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    capture_content: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "TelemetrySettings | None":
        """Read the OTEL_ variables and OPTIMUS_ENVIRONMENT; None without an endpoint, or where telemetry is turned off.

        Raises:
            SettingsError: a value that cannot be used.
        """
        endpoint = environ.get(ENDPOINT, "").strip()
        traces = environ.get(TRACES_ENDPOINT, "").strip()
        if env_bool(environ, "OTEL_SDK_DISABLED", default=False) or not (endpoint or traces):
            return None
        _check_choice(environ, "OTEL_TRACES_EXPORTER", ("otlp", "none"))
        if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
            return None
        for name in ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"):
            _check_choice(environ, name, (PROTOCOL,))
        name, url = (TRACES_ENDPOINT, traces) if traces else (ENDPOINT, endpoint)
        _check_url(name, url)
        return cls(
            collector=_collector(environ, url if traces else f"{url.rstrip('/')}/v1/traces"),
            batching=_batching(environ),
            sampling=_sampling(environ),
            environment=environ.get("OPTIMUS_ENVIRONMENT", "").strip(),
            attributes=_pairs(environ, "OTEL_RESOURCE_ATTRIBUTES"),
            capture_content=env_bool(environ, "OTEL_CAPTURE_CONTENT", default=False),
        )


def _check_choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> None:
    value = environ.get(name, "").strip().lower()
    if value and value not in choices:
        raise SettingsError(f"{name}={value!r}: only {' or '.join(choices)} is spoken here")


def _check_url(name: str, url: str) -> None:
    """Complain without the URL itself, which may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{name} is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise SettingsError(f"{name}: http://HOST:PORT or https://HOST:PORT is wanted")
    if parts.username or parts.password:
        raise SettingsError(f"{name}: a token belongs into OTEL_EXPORTER_OTLP_HEADERS, not into the URL")
    if parts.query or parts.fragment or not url.isascii() or any(letter <= " " for letter in url):
        raise SettingsError(f"{name}: a URL without query, fragment and spaces is wanted")


def _collector(environ: Mapping[str, str], url: str) -> Collector:
    seconds = env_float(environ, "OTEL_EXPORTER_OTLP_TIMEOUT", Collector.timeout, 0.1, 600)
    collector = Collector(
        url,
        timeout=env_float(environ, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", seconds, 0.1, 600),
        certificate=_file(environ, "CERTIFICATE"),
        client_certificate=_file(environ, "CLIENT_CERTIFICATE"),
        client_key=_file(environ, "CLIENT_KEY"),
        headers=_headers(environ),
        gzip=_compression(environ) == "gzip",
    )
    if url.startswith("https:"):
        tls_context(collector)
    return collector


def _compression(environ: Mapping[str, str]) -> str:
    names = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
    for name in names:
        _check_choice(environ, name, ("none", "gzip"))
    return next((value for name in names if (value := environ.get(name, "").strip().lower())), "none")


def tls_context(collector: Collector) -> ssl.SSLContext:
    """Make what a collector at an https URL is checked with.

    Raises:
        SettingsError: a file that holds no certificates, or a key that doesn't fit.
    """
    try:
        context = ssl.create_default_context(cafile=collector.certificate)
        if collector.client_certificate:
            context.load_cert_chain(collector.client_certificate, collector.client_key)
    except (OSError, ValueError) as error:
        file = collector.client_certificate or collector.certificate
        raise SettingsError(f"OTEL_EXPORTER_OTLP_CERTIFICATE or CLIENT_: {file}: {type(error).__name__}") from None
    return context


def _file(environ: Mapping[str, str], what: str) -> Path | None:
    for name in (f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"):
        if text := environ.get(name, "").strip():
            path = Path(text)
            if not path.is_file():
                raise SettingsError(f"{name}={text!r}: no such file")
            return path
    return None


def _batching(environ: Mapping[str, str]) -> Batching:
    queue = env_int(environ, "OTEL_BSP_MAX_QUEUE_SIZE", Batching.queue, 1, 1_000_000)
    return Batching(
        queue=queue,
        batch=env_int(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(Batching.batch, queue), 1, queue),
        delay=env_int(environ, "OTEL_BSP_SCHEDULE_DELAY", int(Batching.delay * 1000), 1, 600_000) / 1000,
    )


def _sampling(environ: Mapping[str, str]) -> Sampling:
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or Sampling.name
    if name not in SAMPLERS:
        raise SettingsError(f"OTEL_TRACES_SAMPLER={name!r}: must be one of {', '.join(SAMPLERS)}")
    return Sampling(name, env_float(environ, "OTEL_TRACES_SAMPLER_ARG", 1.0, 0, 1) if "ratio" in name else 1.0)


def _headers(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Read the headers for traces; without these, those for everything."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
    variable = next((name for name in names if environ.get(name, "").strip()), names[-1])
    pairs = _pairs(environ, variable)
    for number, (name, value) in enumerate(pairs, 1):
        # Never the header itself, which may be a token.
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise SettingsError(f"{variable}: entry {number} is no HTTP header")
        if name.lower() in OWN_HEADERS:
            raise SettingsError(f"{variable}: entry {number} is a header that says how the request is sent")
    return pairs


def _pairs(environ: Mapping[str, str], variable: str) -> tuple[tuple[str, str], ...]:
    """Read `key=value,key=value`, percent-encoded where need be (W3C baggage)."""
    found = []
    for entry in environ.get(variable, "").split(","):
        if not entry.strip():
            continue
        key, equals, value = entry.partition("=")
        pair = (unquote(key.strip()), unquote(value.strip()))
        if not equals or not pair[0] or not (pair[0] + pair[1]).isprintable():
            # Never the entry itself: a header may be a token.
            raise SettingsError(f"{variable}: key=value,key=value is wanted")
        found.append(pair)
    return tuple(found)
