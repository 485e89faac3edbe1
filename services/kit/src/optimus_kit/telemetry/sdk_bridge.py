"""Published instrumentations beside our own spans: OpenTelemetry's SDK, imported where a service uses one of them."""

from collections.abc import Callable, Mapping
from typing import cast

# The key has no public name; it is what every published instrumentation asks before it makes a span.
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context
from opentelemetry.util.types import AttributeValue

from optimus_kit.telemetry.attributes import encode_attribute, encode_field
from optimus_kit.telemetry.encoder import encode_span
from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS
from optimus_kit.telemetry.sampler import ChildrenOnly
from optimus_kit.telemetry.span_data import EndedSpan
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import Kind, Value

SILENT = Context({_SUPPRESS_INSTRUMENTATION_KEY: True})
"""In which instrumentations make no spans."""
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class SdkBridge(SpanProcessor):
    """Gives spans of the SDK to the queue, and tells the SDK which span is current.

    Args:
        resource: attributes of the process.
        put: takes an encoded span.
        lost: told why one can't be encoded.

    Attributes:
        provider: what instrumentations are made with. It is not the global one, so that no library records unasked.
    """

    def __init__(self, resource: Mapping[str, str], put: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self._put = put
        self._lost = lost
        self.provider = TracerProvider(
            sampler=ChildrenOnly(),
            # Not Resource.create: its detectors read the environment again and ask the machine.
            resource=Resource(dict(resource)),
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attributes=MAX_ATTRIBUTES, max_span_attribute_length=MAX_CHARACTERS),
        )
        self.provider.add_span_processor(self)

    def enter(self, context: TraceContext | None, *, remote: bool) -> object:
        """Make a span the current one of the SDK, None to have nothing recorded; return what was before.

        Not by tokens: what ends a generator may run in another task than what began it, where a token can't be used.
        """
        before = get_current()
        # An empty context, not the current one: nothing of another request is taken along.
        attach(set_span_in_context(NonRecordingSpan(_known(context, remote=remote)), Context()) if context else SILENT)
        return before

    def leave(self, token: object) -> None:
        """Make current what was before."""
        attach(cast("Context", token))

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span of the SDK, if it is sampled."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        try:
            encoded = encode_span(ended_span(span, span.context))
        except Exception as error:  # noqa: BLE001 - whatever a library put into a span must not fail what it did
            self._lost(f"a library's span cannot be encoded ({type(error).__name__})")
        else:
            self._put(encoded)

    def shutdown(self) -> None:
        """Do nothing: the queue is closed by whoever made it."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the overridden signature
        """Not offered: it could not be bounded."""
        return False


def ended_span(span: ReadableSpan, context: SpanContext) -> EndedSpan:
    """Return a span of the SDK in our form; its events are left out, since they may hold texts of errors."""
    parent = span.parent
    return EndedSpan(
        name=span.name,
        kind=cast("Kind", span.kind.name.lower()),
        context=_ours(context),
        parent_id=f"{parent.span_id:016x}" if parent else "",
        remote=bool(parent and parent.is_remote),
        attributes={key: _encoded(key, value) for key, value in (span.attributes or {}).items()},
        links=[_ours(link.context) for link in span.links],
        failed=span.status.status_code is StatusCode.ERROR,
        message=(span.status.description or "")[:MAX_CHARACTERS],
        started=span.start_time or 0,
        ended=span.end_time or 0,
    )


def _encoded(key: str, value: AttributeValue) -> bytes:
    # Most are the same in many spans; sequences may hold other things than our own do.
    return encode_attribute(key, value) if isinstance(value, (str, int)) else encode_field(key, cast("Value", value))


def _known(context: TraceContext, *, remote: bool) -> SpanContext:
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), remote, SAMPLED)


def _ours(context: SpanContext) -> TraceContext:
    state = context.trace_state.to_header() if context.trace_state else ""
    return TraceContext(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled, state)
