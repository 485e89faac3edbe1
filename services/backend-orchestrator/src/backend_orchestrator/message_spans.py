"""Spans of a message on its way through the queue.

Names (`{messaging.operation.name} {messaging.destination.name}`) and attributes:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from collections.abc import Mapping

from backend_orchestrator import keys
from backend_orchestrator.messages import InboundMessage
from optimus_kit.tracing import Span, span


def publishing(message: InboundMessage) -> span:
    """Span of queueing a message; what works on it later is its child."""
    return span(f"publish {keys.INBOUND}", kind="producer", attributes=_operation("publish", "send") | _of(message))


def processing(entry: str, fields: Mapping[str, str]) -> span:
    """Span of one attempt at what an entry of the stream holds, in the trace in which it was queued."""
    attributes = _operation("process", "process") | {"optimus.queue.entry": entry}
    attributes["messaging.consumer.group.name"] = keys.GROUP
    parent = fields.get("traceparent") or None
    return span(f"process {keys.INBOUND}", kind="consumer", attributes=attributes, parent=parent)


def note_message(working: Span, message: InboundMessage) -> None:
    """Say of an attempt what message it is about."""
    for key, value in _of(message).items():
        working.set(key, value)


def _operation(name: str, kind: str) -> dict[str, str]:
    return {
        "messaging.system": "redis",
        "messaging.destination.name": keys.INBOUND,
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
    }


def _of(message: InboundMessage) -> dict[str, str]:
    return {
        "optimus.tenant": message.tenant,
        "optimus.channel": message.channel,
        "messaging.message.id": message.message_id,
    }
