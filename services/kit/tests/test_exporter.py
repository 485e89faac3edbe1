"""Sending spans to collectors of every kind: what counts as taken, and what is said of those that don't take them."""

import gzip
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.fake_collector import OTLP, Reply, answer, collecting

from optimus_kit.telemetry.encoder import encode_resource
from optimus_kit.telemetry.exporter import OtlpExporter
from optimus_kit.telemetry.settings import Collector

SPANS: list[bytes] = [Span(span_id=bytes([number] * 8)).SerializeToString() for number in range(1, 4)]
PATIENCE = 60.0
"""For collectors that answer; no test waits for it."""
SECRET = "t0p-secret"


class Closing(threading.Event):
    """Notes how long is waited between attempts, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        return self.is_set()


@dataclass
class Exporting:
    """An exporter to a collector, and what it said."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)
    said: list[str | None] = field(default_factory=list)
    closing: Closing = field(default_factory=Closing)

    def __post_init__(self) -> None:
        collector = Collector(self.url, **self.options)
        self.exporter = OtlpExporter(
            collector, encode_resource({"service.name": "demo"}), self.closing, self.said.append
        )

    def send(self, seconds: float = PATIENCE) -> int:
        return self.exporter.send(SPANS, seconds)


def partial_success(rejected: int) -> bytes:
    told = ExportTraceServiceResponse()
    told.partial_success.rejected_spans = rejected
    told.partial_success.error_message = SECRET
    return bytes(told.SerializeToString())


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
        OTLP.encode(),
        len(body),
        body,
    )


def test_a_batch_is_sent_as_the_protocol_says() -> None:
    with collecting(answer(headers=OTLP)) as collector:
        exporting = Exporting(collector.url, {"headers": (("api-key", SECRET),)})
        assert exporting.send() == 3
    [request] = collector.requests
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["host"] == f"127.0.0.1:{collector.port}"
    assert request.headers["api-key"] == SECRET
    [sent] = ExportTraceServiceRequest.FromString(request.body).resource_spans
    assert [span.SerializeToString() for span in sent.scope_spans[0].spans] == SPANS
    assert exporting.said == [None]


def test_a_batch_can_be_compressed() -> None:
    with collecting(answer()) as collector:
        assert Exporting(collector.url, {"gzip": True}).send() == 3
    [request] = collector.requests
    assert request.headers["content-encoding"] == "gzip"
    assert ExportTraceServiceRequest.FromString(gzip.decompress(request.body)).resource_spans


@pytest.mark.parametrize(
    ("reply", "taken"),
    [
        (answer(), 3),
        (answer("202 Accepted"), 3),
        (answer("204 No Content"), 3),
        (answer(headers=OTLP, body=partial_success(0)), 3),
        (answer(headers=OTLP, body=partial_success(1)), 2),
        (answer(headers=OTLP, body=partial_success(3)), 0),
        (answer(headers=OTLP, body=partial_success(1 << 40)), 0),
        (answer(headers="Content-Type: application/json\r\n", body=b"{}"), 3),
        (chunked(partial_success(2)), 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), 3),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_spans_count_as_taken_where_the_collector_says_so(reply: bytes, taken: int) -> None:
    with collecting(reply) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send() == taken
        assert exporting.send() == taken
    assert len(collector.requests) == 2
    expected = None if taken == 3 else "the collector rejects"
    assert all((said or "").startswith(expected or "") and (said is None) == (taken == 3) for said in exporting.said)


def trickle(connection: socket.socket) -> None:
    """Send a byte now and then, as long as the client reads."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(2000):
        connection.sendall(b"a")
        time.sleep(0.02)


def hang(connection: socket.socket) -> None:
    """Answer nothing until the client goes."""
    connection.recv(1)


def slow_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
    for _ in range(1999):
        connection.sendall(b"a")
        time.sleep(0.02)


@pytest.mark.parametrize("reply", [hang, trickle, slow_body])
def test_a_slow_collector_is_left_at_the_deadline_of_the_batch(reply: Reply) -> None:
    with collecting(reply) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send(0.5) == 0
    assert exporting.said == ["the collector does not answer in time"]


def test_a_collector_that_takes_nothing_off_the_wire_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        # Connected by the kernel, read by nobody.
        exporting = Exporting(f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces")
        assert exporting.exporter.send(SPANS * 100_000, 3.0) == 0
    assert exporting.said == ["the collector does not answer in time"]


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer("404 Not Found", body=SECRET.encode()), "the collector answers 404"),
        (answer("400 Bad Request", OTLP, SECRET.encode()), "the collector answers 400"),
        (answer("401 Unauthorized"), "the collector answers 401"),
        (answer("500 Internal Server Error"), "the collector answers 500"),
        (answer("301 Moved Permanently", f"Location: http://{SECRET}/\r\n"), "address redirects (301)"),
        (answer("307 Temporary Redirect", f"Location: http://{SECRET}/\r\n"), "address redirects (307)"),
        (answer(headers="Content-Type: text/html\r\n", body=b"<html>"), "no OTLP endpoint"),
        (answer(body=b"welcome"), "no OTLP endpoint"),
        (answer(headers=OTLP, body=b"\x0a\x05\x08"), "the collector's answer is no OTLP"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "it does not speak HTTP/1.1"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", "it speaks gRPC"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "it does not speak HTTP/1.1"),
        (b"HTTP/9.9 two hundred\r\n\r\n", "it does not speak HTTP/1.1"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), "its answer is cut off"),
        (lambda connection: connection.sendall(answer(headers=OTLP, body=b"x" * 9)[:-1]), "its answer is cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_batch_that_is_not_taken_is_lost_at_once_with_the_reason(reply: Reply, said: str) -> None:
    with collecting(reply) as collector:
        exporting = Exporting(collector.url, {"headers": (("api-key", SECRET),)})
        assert exporting.send() == 0
    assert len(collector.requests) == 1
    [complaint] = exporting.said
    assert complaint is not None
    assert said in complaint
    assert SECRET not in complaint
    assert "127.0.0.1" not in complaint


@pytest.mark.parametrize(
    ("headers", "pauses"),
    [
        ("", [0.5, 1.0]),
        ("Retry-After: 7\r\n", [7.0, 7.0]),
        ("Retry-After: 0\r\n", [0.5, 1.0]),
        ("Retry-After: -5\r\n", [0.5, 1.0]),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", [0.5, 1.0]),
        ("Retry-After: ²\r\n", [0.5, 1.0]),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad Gateway", "503 Unavailable", "504 Time-out"])
def test_a_collector_that_is_overloaded_is_asked_again_when_it_wants(
    status: str, headers: str, pauses: list[float]
) -> None:
    busy = answer(status, headers)
    with collecting(busy, busy, answer()) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send() == 3
    assert exporting.closing.pauses == pauses
    assert exporting.said == [None]


def test_a_collector_that_wants_more_time_than_there_is_is_not_waited_for() -> None:
    with collecting(answer("429 Too Many Requests", "Retry-After: 3600\r\n")) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send() == 0
    assert (len(collector.requests), exporting.closing.pauses) == (1, [])
    assert exporting.said == ["the collector answers 429"]


def test_nothing_is_sent_again_once_the_process_ends() -> None:
    with collecting(answer("503 Unavailable")) as collector:
        exporting = Exporting(collector.url)
        exporting.closing.set()
        assert exporting.send() == 0
    assert len(collector.requests) == 1


@pytest.mark.parametrize("reply", [reset, lambda _connection: None], ids=["reset", "closed"])
def test_a_connection_that_ends_without_an_answer_is_made_again(reply: Reply) -> None:
    with collecting(reply, reply, answer()) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send() == 3
    assert exporting.closing.pauses == [0.5, 1.0]


def test_a_collector_that_is_down_is_tried_until_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    exporting = Exporting(f"http://127.0.0.1:{port}/v1/traces")
    assert exporting.send(2.0) == 0
    assert exporting.closing.pauses[:2] == [0.5, 1.0][: len(exporting.closing.pauses)]
    assert exporting.said == ["no connection to the collector (ConnectionRefusedError)"]


def closes_after(sent: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(sent)


def test_a_kept_connection_that_the_collector_closed_costs_nothing() -> None:
    with collecting(closes_after(answer()), answer()) as collector:
        exporting = Exporting(collector.url)
        assert [exporting.send(), exporting.send(), exporting.send()] == [3, 3, 3]
    assert (collector.connections, len(collector.requests)) == (2, 3)
    assert exporting.closing.pauses == []


@pytest.mark.parametrize(
    "reply",
    [
        answer(headers="Connection: close\r\n"),
        closes_after(b"HTTP/1.0 200 OK\r\n\r\n"),
        closes_after(b"HTTP/1.1 200 OK\r\n" + OTLP.encode() + b"\r\n" + partial_success(0)),
    ],
    ids=["Connection: close", "HTTP/1.0", "no length"],
)
def test_an_answer_that_ends_its_connection_is_whole(reply: Reply) -> None:
    with collecting(reply) as collector:
        exporting = Exporting(collector.url)
        assert [exporting.send(), exporting.send()] == [3, 3]
    assert collector.connections == 2


def test_an_answer_without_an_end_is_judged_by_its_status() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100_000):
            connection.sendall(b"400\r\n%b\r\n" % (b"a" * 1024))

    with collecting(flood) as collector:
        exporting = Exporting(collector.url)
        assert exporting.send() == 0
    assert exporting.said == ["the collector answers 404"]


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(answer("502 Bad Gateway")) as proxy, collecting(answer()) as collector:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert Exporting(collector.url).send() == 3
    assert not proxy.requests
