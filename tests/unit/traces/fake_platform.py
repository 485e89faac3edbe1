"""A platform in one process: a shop that leaves spans, its collector, and the stores of its traces and logs.

An order crosses `nginx-lb` (which logs), `web`, a queue and `worker`. Each service can be broken.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from optimus_ops.traces.smoke.places import PlaceFlags, Places, find_places
from optimus_ops.traces.smoke.probe import Hop, ProbeSet, TracedRequest, TraceProbe

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
HOPS = (
    Hop("web", "POST /orders", "server", {"shop.customer": "anna", "http.response.status_code": 200}),
    Hop("web", "publish orders", "producer", below="web POST /orders"),
    Hop("worker", "process orders", "consumer", {"shop.customer": None}, below="web publish orders"),
    Hop("worker", "INSERT*", "client", below="worker process orders"),
)
ORDER = TraceProbe(
    "order", "web", 80, lambda run: TracedRequest("POST", "/orders", {}, run.encode()), HOPS, logs=("nginx-lb", "web")
)
REFUSED_ORDER = TraceProbe(
    "refused order",
    "web",
    80,
    lambda _run: TracedRequest("POST", "/refused"),
    (
        Hop("web", "POST /refused", "server", {"http.response.status_code": 422}),
        Hop("web", "check", "client", {"error.type": None}, below="web POST /refused", failed=True),
    ),
    frozenset({422}),
)
PROBES = ProbeSet((ORDER, REFUSED_ORDER), resource=("service.version",))


@dataclass
class FakePlatform:
    """What happens, and what is broken.

    Args:
        lost: labels of spans that never get to the store.
        astray: services that begin a trace of their own.
        rootless: services whose first span has no parent.
        status: of the answer.
        trace_ids: headers X-Trace-Id of the answer; None for the right one.
        quiet: services that log nothing.
        change: changes a span before it is stored.
        answer: answers the store of traces instead (status, document or bytes, headers); None for its own answer.
        takes: the collector's status.
        ready_after: looks by id until the store has all of a trace.
        flat: whether the store keeps neither kinds nor resources.
        more: spans that are stored beside.
        metrics: what `/metrics` says.
        silent: no request of a client is answered before it is set.
    """

    lost: set[str] = field(default_factory=set)
    astray: set[str] = field(default_factory=set)
    rootless: set[str] = field(default_factory=set)
    status: int = 200
    trace_ids: tuple[str, ...] | None = None
    quiet: set[str] = field(default_factory=set)
    change: Callable[[dict[str, Any]], None] = lambda _span: None
    answer: Callable[[str], tuple[int, object, dict[str, str]] | None] = lambda _path: None
    takes: int = 200
    ready_after: int = 0
    flat: bool = False
    more: int = 0
    metrics: str = ""
    silent: threading.Event | None = None
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def places(self, **flags: Any) -> Places:
        """Return where everything is: here."""
        here = f"http://127.0.0.1:{self.port}"
        given = {"tempo": here, "otlp": here, "loki": here, "target": (here,), **flags}

        def observe() -> Any:
            raise AssertionError("nothing of a stack is wanted")

        return find_places(PlaceFlags(**given), {}, observe, "nginx-lb", "")

    def serve(self, path: str, headers: dict[str, str]) -> tuple[int, tuple[str, ...]]:
        """Answer a request of a client, and leave its spans and lines."""
        _version, trace_id, parent, _flags = headers["traceparent"].split("-")
        request_id = headers["x-request-id"]
        self.log("nginx-lb", trace_id, request_id)
        if path == "/orders":
            web = self.span("web", "POST /orders", SERVER, trace_id, parent, request_id, more={"shop.customer": "anna"})
            publish = self.span("web", "publish orders", PRODUCER, *web, request_id)
            work = self.span("worker", "process orders", CONSUMER, *publish, request_id, more={"shop.customer": "anna"})
            self.span("worker", "INSERT orders", CLIENT, *work, request_id)
            for number in range(self.more):
                self.span("worker", f"more {number}", CLIENT, *work, request_id)
            status = self.status
        else:
            web = self.span("web", "POST /refused", SERVER, trace_id, parent, request_id, status=422)
            self.span("web", "check", CLIENT, *web, request_id, failed=True, more={"error.type": "refused"})
            status = 422
        return status, (trace_id,) if self.trace_ids is None else self.trace_ids

    def span(
        self,
        service: str,
        name: str,
        kind: int,
        trace_id: str,
        parent: str,
        request_id: str,
        *,
        status: int = 200,
        failed: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """Store a span, log a line of a service's first one, and return what is passed on."""
        first = kind in {SERVER, CONSUMER}
        if first and service in self.astray:
            trace_id, parent = secrets.token_hex(16), ""
        if first and service in self.rootless:
            parent = ""
        if first:
            self.log(service, trace_id, request_id)
        values: dict[str, Any] = {"optimus.request_id": request_id, **(more or {})}
        if kind == SERVER:
            values["http.response.status_code"] = status
        span = {
            "traceId": trace_id,
            "spanId": secrets.token_hex(8),
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": "1000",
            "endTimeUnixNano": "2000",
            "attributes": [pair(key, value) for key, value in values.items()],
            "status": {"code": 2, "message": "no"} if failed else {},
        }
        self.change(span)
        resource = [pair("service.name", service), pair("service.version", "1")]
        if f"{service} {name}" not in self.lost and service not in self.lost:
            self.store(trace_id, {"resource": {"attributes": resource}, "scopeSpans": [{"spans": [span]}]})
        return trace_id, str(span["spanId"])

    def store(self, trace_id: str, resource_spans: dict[str, Any]) -> None:
        """Keep spans of a resource."""
        if self.flat:
            attributes = resource_spans["resource"]["attributes"]
            attributes[:] = [each for each in attributes if each["key"] == "service.name"]
            for scope in resource_spans["scopeSpans"]:
                for span in scope["spans"]:
                    span.pop("kind", None)
        self.traces.setdefault(trace_id, []).append(resource_spans)

    def log(self, service: str, trace_id: str, request_id: str) -> None:
        """Write a line."""
        if service not in self.quiet:
            line = {"service": service, "trace_id": trace_id, "request_id": request_id}
            self.lines.append((service, json.dumps(line)))

    def export(self, body: bytes) -> int:
        """Take the client's spans."""
        if self.takes == 200:
            message = ExportTraceServiceRequest()
            message.ParseFromString(body)
            for resource_spans in MessageToDict(message)["resourceSpans"]:
                span = resource_spans["scopeSpans"][0]["spans"][0]
                self.store(base64.b64decode(span["traceId"]).hex(), resource_spans)
        return self.takes

    def ask(self, target: str) -> tuple[int, object, dict[str, str]]:
        """Answer as the stores do."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path.startswith("/api/") and (own := self.answer(path)) is not None:
            return own
        if path.startswith("/api/v2/traces/"):
            trace_id = path.rpartition("/")[2]
            self.looks[trace_id] = self.looks.get(trace_id, 0) + 1
            found = self.traces.get(trace_id, [])
            if self.looks[trace_id] <= self.ready_after:
                found = found[: self.looks[trace_id]]
            return 200, {"trace": {"resourceSpans": found} if found else {}}, {}
        if path == "/metrics":
            return 200, self.metrics.encode(), {}
        if path == "/api/search":
            wanted = query["q"][0]
            ids = [trace_id for trace_id, held in self.traces.items() if holds(held, wanted)]
            return 200, {"traces": [{"traceID": trace_id} for trace_id in ids]}, {}
        if path == "/loki/api/v1/labels":
            return 200, {"status": "success", "data": []}, {}
        if path == "/loki/api/v1/query_range":
            text = query["query"][0].rpartition("}")[2].split('"')[1]
            streams = [
                {"stream": {"service_name": service}, "values": [["1000", line]]}
                for service, line in self.lines
                if text in line and "|=" in query["query"][0]
            ]
            return 200, {"status": "success", "data": {"resultType": "streams", "result": streams}}, {}
        return 404, {}, {}


def pair(key: str, value: object) -> dict[str, Any]:
    """Return an attribute as OTLP has it."""
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}


def holds(held: list[dict[str, Any]], query: str) -> bool:
    """Tell whether any span has the one attribute of a query."""
    key, _, value = query.strip("{}").removeprefix(".").partition("=")
    return any(
        attribute["key"] == key and attribute["value"].get("stringValue") == json.loads(value)
        for resource_spans in held
        for scope in resource_spans["scopeSpans"]
        for span in scope["spans"]
        for attribute in span["attributes"]
    )


@contextlib.contextmanager
def running(platform: FakePlatform) -> Iterator[FakePlatform]:
    """Serve a platform."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            platform.requests.append((self.path, headers))
            if self.path == "/v1/traces":
                self.reply(platform.export(body), b"", [])
                return
            if platform.silent is not None:
                platform.silent.wait()
            status, ids = platform.serve(self.path, headers)
            self.reply(status, b"{}", [("X-Trace-Id", each) for each in ids])

        def do_GET(self) -> None:
            status, document, headers = platform.ask(self.path)
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.reply(status, content, list({"Content-Type": "application/json", **headers}.items()))

        def reply(self, status: int, content: bytes, headers: list[tuple[str, str]]) -> None:
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return

    with Server(("127.0.0.1", 0), Handler) as listening:
        platform.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield platform
        finally:
            listening.shutdown()
            thread.join()
