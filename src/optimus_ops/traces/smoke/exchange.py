"""Sending one request, with a trace's context, and the client's own span to the collector."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Mapping

from optimus_ops.text.escapes import safe_to_show
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


def send(address: StoreAddress, request: TracedRequest, ids: TraceIds) -> Exchange:
    """Send a request and read its whole answer."""
    headers = {
        **AGENT,
        **address.headers,
        **request.headers,
        "traceparent": ids.traceparent,
        "X-Request-Id": ids.request_id,
    }
    start, url = time.time_ns(), f"{address}{request.path}"
    connection = _connection(address, ANSWER_SECONDS)
    try:
        connection.request(request.method, f"{address.prefix}{request.path}", request.body or None, headers)
        response = connection.getresponse()
        response.read(MOST_BYTES)
        told = tuple(response.headers.get_all("X-Trace-Id") or ())
        return Exchange(response.status, start, time.time_ns(), told, url=url)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Exchange(0, start, time.time_ns(), error=_reason(error), url=url)
    finally:
        connection.close()


def export(address: StoreAddress, span: ClientSpan) -> str:
    """Send a span by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/); return why it was not taken, or ""."""
    connection = _connection(address, EXPORT_SECONDS)
    headers: Mapping[str, str] = {**AGENT, **address.headers, "Content-Type": "application/x-protobuf"}
    path = address.prefix if address.prefix.endswith("/v1/traces") else f"{address.prefix}/v1/traces"
    try:
        connection.request("POST", path, encode_span(span), dict(headers))
        response = connection.getresponse()
        response.read(MOST_BYTES)
        if response.status in TAKEN:
            return ""
        return f"{address} answers {response.status} {http.client.responses.get(response.status, '')}".rstrip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{address} does not answer: {_reason(error)}"
    finally:
        connection.close()


def _connection(address: StoreAddress, seconds: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.host, address.port, timeout=seconds)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no whole answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return "the connection was closed"
    if isinstance(error, http.client.HTTPException | ValueError):
        return "its answer is not HTTP, or not whole"
    return safe_to_show(str(getattr(error, "strerror", None) or error))[:120]
