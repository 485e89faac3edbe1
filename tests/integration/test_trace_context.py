"""The balancer's own nginx takes or makes the trace context of each request: https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import docker
import pytest
from tests.integration.platform import local_image
from tests.integration.test_nginx_syntax import nginx_image
from tests.unit.repository import CHECKOUT

from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration
# Answers with the headers that it was asked with, and says another trace id than it was told. On 8050 nobody listens;
# after a request for /deaf somebody does who never accepts, with a full queue.
ECHO = """
import http.server, json, socket, threading
deaf = []
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name == "gone":
            self.close_connection = True
            return
        if name == "deaf":
            deaf.append(socket.create_server(("0.0.0.0", 8050), backlog=0))
            for _ in range(4):
                deaf.append(socket.socket())
                deaf[-1].setblocking(False)
                deaf[-1].connect_ex(("127.0.0.1", 8050))
        upgrade = self.headers.get("Upgrade") and name == "ws"
        body = json.dumps(self.headers.items()).encode()
        self.send_response(101 if upgrade else int(name) if name.isdigit() else 200)
        self.send_header("X-Trace-Id", "f" * 32)
        if upgrade:
            self.close_connection = True
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
for port in (8020, 8010):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Echo)
    threading.Thread(target=server.serve_forever).start()
"""
SERVICES = ("ai-engine", "backend-orchestrator", "memory-engine")
CONTEXT = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
VALID = {
    f"00-{CONTEXT}-01": f"00-{CONTEXT}-01",
    f"00-{CONTEXT}-00": f"00-{CONTEXT}-00",
    f"cc-{CONTEXT}-01": f"00-{CONTEXT}-01",
    f"01-{CONTEXT}-01-what-the-future-brings": f"00-{CONTEXT}-01",
}
MALFORMED = [
    f"00-{CONTEXT}-01-more",
    f"00-{CONTEXT}-01.",
    f"01-{CONTEXT}-01.more",
    f"ff-{CONTEXT}-01",
    f"00-{CONTEXT.upper()}-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    f"00-{CONTEXT}",
    f"00-{CONTEXT}-1",
    f"00-{CONTEXT}-0g",
    f" 0-{CONTEXT}-01",
    f"00-{CONTEXT}-01, 00-{CONTEXT}-01",
    f"00-{CONTEXT}\t-01",
    f"00-{CONTEXT}-01\x7f",
    f"00-{CONTEXT}-01\xff",
    f"00-{CONTEXT}-01$request_id",
    "",
    "x" * 2000,
]
MADE = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-01\Z")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    asked_with: dict[str, str]

    def said(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Balancer:
    address: str
    container: str

    def ask(self, *headers: tuple[str, str], path: str = "/", port: int = 8010, connection: str = "close") -> Answer:
        """Ask with headers as they are, byte by byte."""
        own = [("Host", "x"), ("Connection", connection)]
        lines = [f"GET {path} HTTP/1.1", *(f"{key}: {value}" for key, value in [*own, *headers])]
        with socket.create_connection((self.address, port), timeout=30) as connected:
            connected.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            head, body = received(connected)
        status, *told = head.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in told]
        echoed = json.loads(body)
        return Answer(
            int(status.split()[1]),
            [(key, value) for key, value in pairs],
            {key.lower(): value for key, value in echoed} if isinstance(echoed, list) else {},
        )


@pytest.fixture(scope="module")
def balancer() -> Iterator[Balancer]:
    """Return the balancer before one service, which echoes."""
    name = f"opt-trace-context-{uuid4().hex[:8]}"
    run = ["docker", "run", "--detach", "--network", name, "--label", f"com.docker.compose.project={name}"]
    config = f"{CHECKOUT / 'compose' / 'nginx'}:/etc/optimus/nginx:ro"
    command = ["nginx", "-e", "stderr", "-c", "/etc/optimus/nginx/nginx.conf", "-g", "daemon off;"]
    started: list[str] = []

    def start(*words: str) -> str:
        started.append(subprocess.run([*run, *words], capture_output=True, text=True, check=True).stdout.strip())
        return started[-1]

    subprocess.run(["docker", "network", "create", name], capture_output=True, check=True)
    try:
        aliases = [word for alias in SERVICES for word in ("--network-alias", alias)]
        start(*aliases, "--entrypoint", "python", local_image("ai-engine"), "-c", ECHO)
        nginx = start("--tmpfs", "/tmp", "--volume", config, "--entrypoint", command[0], nginx_image(), *command[1:])
        found = docker.from_env().containers.get(nginx).attrs["NetworkSettings"]["Networks"][name]["IPAddress"]
        balancer = Balancer(found, nginx)
        assert wait_until(lambda: answers(balancer), 60), "nginx did not start"
        yield balancer
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", *started], capture_output=True, check=True)
        subprocess.run(["docker", "network", "rm", name], capture_output=True, check=True)


def received(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body: to the end, or as much of the body as was announced.

    Where the request announced a body that was not sent, nginx waits for it for 5 s, or has the connection reset.
    """
    head = body = b""
    with contextlib.suppress(ConnectionResetError):
        answer = b""
        while not complete(head, body) and (part := connection.recv(65536)):
            answer += part
            head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def complete(head: bytes, body: bytes) -> bool:
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


def answers(balancer: Balancer) -> bool:
    try:
        return balancer.ask().status == 200
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize(("given", "passed_on"), VALID.items())
def test_a_valid_context_is_passed_on(balancer: Balancer, given: str, passed_on: str) -> None:
    answer = balancer.ask(("traceparent", given), ("tracestate", "vendor=1"), ("X-Trace-Origin", "balancer"))
    assert answer.asked_with["traceparent"] == passed_on
    assert answer.asked_with["tracestate"] == "vendor=1"
    assert "x-trace-origin" not in answer.asked_with
    assert answer.said("X-Trace-Id") == [CONTEXT[:32]]


@pytest.mark.parametrize("given", MALFORMED)
def test_a_malformed_context_is_replaced(balancer: Balancer, given: str) -> None:
    made = made_for(balancer.ask(("traceparent", given), ("tracestate", "vendor=1")))
    assert made["trace"] not in {CONTEXT[:32], made_for(balancer.ask())["trace"]}


def test_two_contexts_are_none(balancer: Balancer) -> None:
    made_for(balancer.ask(("traceparent", f"00-{CONTEXT}-01"), ("Traceparent", f"00-{CONTEXT}-01")))


def made_for(answer: Answer) -> re.Match[str]:
    """Return the context that was made, of which the service is told that no span is behind it."""
    made = MADE.match(answer.asked_with["traceparent"])
    assert made, answer
    assert made["trace"] != "0" * 32
    assert made["span"] != "0" * 16
    assert answer.asked_with["x-trace-origin"] == "balancer"
    assert "tracestate" not in answer.asked_with
    assert answer.said("X-Trace-Id") == [made["trace"]]
    return made


@pytest.mark.parametrize("state", ["x" * 513, "vendor=\x7f", "vendor=\xff", "vendor=\t1", "a=1," * 1000])
def test_a_state_that_is_too_long_or_no_plain_text_is_left_out(balancer: Balancer, state: str) -> None:
    asked_with = balancer.ask(("traceparent", f"00-{CONTEXT}-01"), ("tracestate", state)).asked_with
    assert asked_with["traceparent"] == f"00-{CONTEXT}-01"
    assert "tracestate" not in asked_with


def test_baggage_reaches_no_service(balancer: Balancer) -> None:
    members = ",".join(f"optimus.tenant{number}=globex" for number in range(256))
    answer = balancer.ask(("baggage", members), ("Baggage", "a=b"), ("BAGGAGE", members[:4000]))
    assert answer.status == 200
    assert "baggage" not in answer.asked_with


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/404", [], 404),
        ("/500", [], 500),
        ("/503", [], 503),
        ("/gone", [], 502),
        ("/metrics", [], 404),
        ("/", [("Content-Length", "99999999")], 413),
        ("/" + "x" * 40_000, [], 431),
        ("/", [("Host", "y"), ("Host", "z")], 400),
    ],
)
def test_errors_say_the_trace_id_once(
    balancer: Balancer, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    answer = balancer.ask(*headers, path=path)
    assert answer.status == status
    (trace_id,) = answer.said("X-Trace-Id")
    assert re.fullmatch("[0-9a-f]{32}", trace_id)


def test_so_do_errors_where_no_service_is_reached(balancer: Balancer) -> None:
    context = ("traceparent", f"00-{CONTEXT}-01")
    nobody = balancer.ask(context, port=8050)
    balancer.ask(path="/deaf")
    nobody_accepts = balancer.ask(context, port=8050)
    assert [answer.status for answer in (nobody, nobody_accepts)] == [502, 504]
    assert [answer.said("X-Trace-Id") for answer in (nobody, nobody_accepts)] == [[CONTEXT[:32]]] * 2


@pytest.mark.parametrize(("path", "status"), [("/ws", 101), ("/ws/403", 403), ("/ws/gone", 502)])
def test_so_does_the_answer_to_a_handshake(balancer: Balancer, path: str, status: int) -> None:
    handshake = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Ng=="),
    ]
    context = ("traceparent", f"00-{CONTEXT}-01")
    answer = balancer.ask(*handshake, context, path=path, port=8020, connection="Upgrade, close")
    assert (answer.status, answer.said("X-Trace-Id")) == (status, [CONTEXT[:32]])
    assert answer.asked_with.get("traceparent", context[1]) == context[1]


def test_the_access_log_has_the_trace_id(balancer: Balancer) -> None:
    (trace_id,) = balancer.ask(("traceparent", f"00-{uuid4().hex}-{uuid4().hex[:16]}-01")).said("X-Trace-Id")

    def logged() -> bool:
        lines = subprocess.run(
            ["docker", "logs", balancer.container], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return trace_id in [json.loads(line)["trace_id"] for line in lines]

    assert wait_until(logged, 30)


@pytest.mark.parametrize("path", ["/metrics", "/metrics?x=1", "//metrics", "/./metrics", "/x/../metrics", "/%6Detrics"])
def test_no_metrics_come_through_the_balancer(balancer: Balancer, path: str) -> None:
    answer = balancer.ask(path=path)
    assert answer.status == 404
    assert answer.asked_with == {}
