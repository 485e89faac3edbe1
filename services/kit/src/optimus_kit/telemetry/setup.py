"""Putting telemetry together in one process."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from optimus_kit import tracing
from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.complaints import Complaints
from optimus_kit.telemetry.counts import Counter, SpanCounts
from optimus_kit.telemetry.encoder import encode_resource
from optimus_kit.telemetry.exporter import OtlpExporter
from optimus_kit.telemetry.queue import SpanQueue
from optimus_kit.telemetry.resource import resource_attributes
from optimus_kit.telemetry.settings import TelemetrySettings
from optimus_kit.telemetry.tracer import SpanTracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class Telemetry:
    """What a process records spans with; made by `start`."""

    def __init__(
        self,
        queue: SpanQueue,
        tracer: SpanTracer,
        resource: Mapping[str, str],
        counter: Counter,
        complain: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._tracer = tracer
        self._resource = resource
        self._counter = counter
        self._complain = complain

    @cached_property
    def provider(self) -> "TracerProvider":
        """For published instrumentations of libraries (psycopg): their spans go the same way. Imports the SDK."""
        from optimus_kit.telemetry.sdk_bridge import SdkBridge  # noqa: PLC0415

        bridge = SdkBridge(self._resource, self._queue.put, self._lost)
        self._tracer.bridge = bridge
        return bridge.provider

    def counts(self) -> SpanCounts:
        """Return what has become of the spans so far."""
        return self._counter.counts()

    def _lost(self, why: str) -> None:
        self._counter.add(dropped=1)
        self._complain(why)

    def shutdown(self, seconds: float = 2.0) -> None:
        """Send what waits, for at most `seconds`; what is left is dropped and counted."""
        tracing.install(None)
        self._queue.close(seconds)


def start(settings: ServiceSettings, telemetry: TelemetrySettings) -> Telemetry:
    """Start the thread that sends, and record from now on.

    Raises:
        SettingsError: a certificate that cannot be used.
    """
    counter = Counter()
    closing = threading.Event()
    resource = resource_attributes(settings, telemetry)
    complaints = Complaints(lambda: counter.counts().dropped)
    exporter = OtlpExporter(telemetry.collector, encode_resource(resource), closing, complaints)
    queue = SpanQueue(exporter.send, telemetry.batching, telemetry.collector.timeout, counter, closing)
    tracer = SpanTracer(telemetry.sampling, queue.put)
    tracing.install(tracer, capture_content=telemetry.capture_content)
    return Telemetry(queue, tracer, resource, counter, complaints)
