"""Sending one request, with a trace's context, and the client's own span to the collector."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from optimus_ops.traces.connections import cut, make_connection
from optimus_ops.traces.no_answer import why_no_answer
from optimus_ops.traces.smoke.client_span import ClientSpan, encode_span
from optimus_ops.traces.smoke.evidence import Exchange, TraceIds
from optimus_ops.traces.smoke.probe import TracedRequest
from optimus_ops.traces.store_address import StoreAddress

ANSWER_SECONDS = 30.0
EXPORT_SECONDS = 5.0
MOST_BYTES = 4 * 1024**2
TAKEN = frozenset({200, 202})
AGENT = {"User-Agent": "optimus-ops", "Connection": "close"}


def draw_ids() -> TraceIds:
    """Return new random ids."""
    # Never all zeros: the first digit is not.
    return TraceIds(f"a{secrets.token_hex(16)[1:]}", f"b{secrets.token_hex(8)[1:]}", secrets.token_hex(16))


@dataclass(frozen=True)
class Sender:
    """Sends requests, each on a connection of its own; `seconds` is how long an answer may pause."""

    seconds: float = ANSWER_SECONDS
    _open: set[http.client.HTTPConnection] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def send(self, address: StoreAddress, request: TracedRequest, ids: TraceIds) -> Exchange:
        """Send a request and read its whole answer."""
        headers = {
            **AGENT,
            **address.headers,
            **request.headers,
            "traceparent": ids.traceparent,
            "X-Request-Id": ids.request_id,
        }
        start, url = time.time_ns(), f"{address}{request.path}"
        try:
            with self._connection(address, self.seconds) as connection:
                connection.request(request.method, f"{address.prefix}{request.path}", request.body or None, headers)
                response = connection.getresponse()
                response.read(MOST_BYTES)
                told = tuple(response.headers.get_all("X-Trace-Id") or ())
                return Exchange(response.status, start, time.time_ns(), told, url=url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Exchange(0, start, time.time_ns(), error=why_no_answer(error), url=url)

    def export(self, address: StoreAddress, span: ClientSpan) -> str:
        """Send a span by OTLP over HTTP; return why it was not taken, "" if it was.

        Source: https://opentelemetry.io/docs/specs/otlp/
        """
        headers: Mapping[str, str] = {**AGENT, **address.headers, "Content-Type": "application/x-protobuf"}
        path = address.prefix if address.prefix.endswith("/v1/traces") else f"{address.prefix}/v1/traces"
        try:
            with self._connection(address, EXPORT_SECONDS) as connection:
                connection.request("POST", path, encode_span(span), dict(headers))
                response = connection.getresponse()
                response.read(MOST_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"{address} does not answer: {why_no_answer(error)}"
        if response.status in TAKEN:
            return ""
        return f"{address} answers {response.status} {http.client.responses.get(response.status, '')}".rstrip()

    def stop(self) -> None:
        """Cut what is under way: whoever waits for an answer goes on."""
        self._stopped.set()
        for connection in tuple(self._open):
            cut(connection)

    @contextmanager
    def _connection(self, address: StoreAddress, seconds: float) -> Iterator[http.client.HTTPConnection]:
        connection = make_connection(address.scheme, address.host, address.port, seconds)
        self._open.add(connection)
        try:
            connection.connect()
            # After that, `stop` sees the connection.
            if self._stopped.is_set():
                raise ConnectionAbortedError
            yield connection
        finally:
            self._open.discard(connection)
            connection.close()
