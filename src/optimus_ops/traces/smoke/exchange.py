"""Sending one request, with a trace's context, and the client's own span to the collector."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from optimus_ops.http.address import HttpAddress
from optimus_ops.http.client import HttpClient, NoAnswer
from optimus_ops.traces.smoke.client_span import ClientSpan, encode_span
from optimus_ops.traces.smoke.evidence import Exchange, TraceIds
from optimus_ops.traces.smoke.probe import TracedRequest

ANSWER_SECONDS, EXPORT_SECONDS = 30.0, 5.0
MOST_BYTES = 4 * 1024**2
TAKEN = frozenset({200, 202})


def draw_ids() -> TraceIds:
    """Return new random ids."""
    # Never all zeros: the first digit is not.
    return TraceIds(f"a{secrets.token_hex(16)[1:]}", f"b{secrets.token_hex(8)[1:]}", secrets.token_hex(16))


@dataclass(frozen=True)
class Sender:
    """Sends requests to services, and spans to a collector."""

    services: HttpClient = field(default_factory=lambda: HttpClient(ANSWER_SECONDS, MOST_BYTES))
    collector: HttpClient = field(default_factory=lambda: HttpClient(EXPORT_SECONDS, MOST_BYTES))

    def send(self, address: HttpAddress, request: TracedRequest, ids: TraceIds) -> Exchange:
        """Send a request and read its whole answer."""
        headers = {**request.headers, "traceparent": ids.traceparent, "X-Request-Id": ids.request_id}
        start, url = time.time_ns(), f"{address}{request.path}"
        try:
            answer = self.services.send(address, request.method, request.path, headers, request.body)
        except NoAnswer as error:
            return Exchange(0, start, time.time_ns(), error=str(error), url=url)
        told = tuple(answer.headers.get_all("X-Trace-Id") or ())
        return Exchange(answer.status, start, time.time_ns(), told, url=url)

    def export(self, address: HttpAddress, span: ClientSpan) -> str:
        """Send a span by OTLP over HTTP; return why it was not taken, "" if it was.

        Source: https://opentelemetry.io/docs/specs/otlp/
        """
        path = "" if address.prefix.endswith("/v1/traces") else "/v1/traces"
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            answer = self.collector.send(address, "POST", path, headers, encode_span(span))
        except NoAnswer as error:
            return f"{address} does not answer: {error}"
        return "" if answer.status in TAKEN else f"{address} answers {answer.status_line}"

    def stop(self) -> None:
        """Cut what is under way: whoever waits for an answer goes on."""
        self.services.stop()
        self.collector.stop()
