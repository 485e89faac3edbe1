"""A collector of spans: takes OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp) and keeps it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it was sent; ids in hexadecimal digits, no parent is an empty one."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: str
    failed: bool
    attributes: Mapping[str, Any]
    links: tuple[str, ...]
    instance: str = ""

    @property
    def step(self) -> tuple[str, str]:
        """Where it is from and what it is."""
        return self.service, self.name


@dataclass
class Collector:
    """What was sent so far, at `url`."""

    url: str = ""
    spans: list[CollectedSpan] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[CollectedSpan]:
        """The spans of a trace."""
        return [span for span in tuple(self.spans) if span.trace_id == trace_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector, until the block ends."""
    collector = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[CollectedSpan]:
    for resource in request.resource_spans:
        whose = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield CollectedSpan(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    str(whose.get("service.name", "")),
                    span.name,
                    SentSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    span.status.code == Status.STATUS_CODE_ERROR,
                    _attributes(span.attributes),
                    tuple(link.span_id.hex() for link in span.links),
                    str(whose.get("service.instance.id", "")),
                )


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(entry) for entry in value.array_value.values]
    return getattr(value, kind) if kind else None
