"""Putting telemetry together in one process."""

import threading

from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.trace import SpanLimits, SynchronousMultiSpanProcessor, TracerProvider

from optimus_kit import tracing
from optimus_kit.settings import ServiceSettings
from optimus_kit.telemetry.complaints import Complaints
from optimus_kit.telemetry.counts import Counter, SpanCounts
from optimus_kit.telemetry.exporter import OtlpExporter
from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS
from optimus_kit.telemetry.queue import SpanQueue
from optimus_kit.telemetry.resource import make_resource
from optimus_kit.telemetry.sampler import ChildrenOnly
from optimus_kit.telemetry.settings import TelemetrySettings
from optimus_kit.telemetry.tracer import SpanTracer


class Telemetry:
    """What a process records spans with.

    Attributes:
        provider: for published instrumentations of libraries (psycopg): their spans go the same way. It is not the
            global one, so that no library records unasked.
    """

    def __init__(self, queue: SpanQueue, provider: TracerProvider, counter: Counter) -> None:
        self.provider = provider
        self._queue = queue
        self._counter = counter

    def counts(self) -> SpanCounts:
        """Return what has become of the spans so far."""
        return self._counter.counts()

    def shutdown(self, seconds: float = 2.0) -> None:
        """Send what waits, for at most `seconds`; what is left is dropped and counted."""
        tracing.install(None)
        RedisInstrumentor().uninstrument()
        self._queue.close(seconds)


def start(settings: ServiceSettings, telemetry: TelemetrySettings) -> Telemetry:
    """Start the thread that sends, and record from now on."""
    counter = Counter()
    closing = threading.Event()
    exporter = OtlpExporter(telemetry.collector, closing, Complaints(lambda: counter.counts().dropped))
    queue = SpanQueue(exporter.send, telemetry.batching, telemetry.collector.timeout, counter, closing)
    resource = make_resource(settings, telemetry)
    processor = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
    processor.add_span_processor(queue)
    provider = TracerProvider(
        sampler=ChildrenOnly(),
        resource=resource,
        shutdown_on_exit=False,
        active_span_processor=processor,
        span_limits=SpanLimits(max_span_attributes=MAX_ATTRIBUTES, max_span_attribute_length=MAX_CHARACTERS),
    )
    RedisInstrumentor().instrument(tracer_provider=provider)
    tracing.install(SpanTracer(telemetry.sampling, resource, queue.put), capture_content=telemetry.capture_content)
    return Telemetry(queue, provider, counter)
