"""What clients send, and what lasts: nothing of it harms others, at the balancer and the replicas behind it."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import docker
import pytest
from tests.integration.platform import Platform
from websockets.sync.client import connect

from optimus_ops.system.wait import wait_until

TENANT = "TENANT_GLOBEX_API_KEY"
# More than a service takes (1 MiB), less than the balancer lets through.
TOO_LARGE = b"x" * 1_060_000
ASKED = 150


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    """Send a request over a connection of its own; the answer is read whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@dataclass
class Sender:
    """Sends one request after the other without a key, until the block ends; notes what it is told."""

    port: int
    told: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.05):
            try:
                self.told[str(ask(self.port, "POST", "/v1/chat/completions", TOO_LARGE).status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.told[type(error).__name__] += 1


@contextmanager
def sending(port: int) -> Iterator[Sender]:
    sender = Sender(port)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender
    finally:
        sender.over.set()
        thread.join(90)


def test_what_one_sends_costs_another_tenant_no_request(platform: Platform) -> None:
    body = json.dumps({"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}).encode()
    headers = {"Authorization": f"Bearer {platform.secret(TENANT)}", "Content-Type": "application/json"}
    with sending(platform.ai_port) as sender:
        answers = [ask(platform.ai_port, "POST", "/v1/chat/completions", body, **headers) for _ in range(ASKED)]
    assert Counter(answer.status for answer in answers) == {200: ASKED}
    assert sender.told.keys() == {"413"}


MANY = {f"X-{number}": "" for number in range(200)}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
ODD = {
    "a large body for nobody": ("POST", "/none", TOO_LARGE, {}, 413),
    "a large body by an unknown method": ("NONSENSE", "/health", TOO_LARGE, {}, 400),
    "a control character": ("POST", "/none", TOO_LARGE, {"X-Odd": "a\x01b"}, 400),
    "a handshake with a body": ("GET", "/ws/dashboard", TOO_LARGE, {**UPGRADE, "Sec-WebSocket-Key": "x"}, 400),
    "a handshake of many headers": (
        "GET",
        "/ws/dashboard",
        b"",
        {**UPGRADE, **MANY},
        431,
    ),
    "an upgrade that nobody knows": ("POST", "/ws/none", TOO_LARGE, {"Upgrade": "h2c", "Connection": "Upgrade"}, 413),
    "a body too large for the balancer": ("POST", "/health", TOO_LARGE * 4, {}, 413),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_requests_are_told_what_is_wrong(platform: Platform, name: str) -> None:
    method, path, body, headers, status = ODD[name]
    assert ask(platform.backend_port, method, path, body, **headers).status == status


@pytest.mark.parametrize("path", ["/health/", "/ws", "/v1/messages/", f"/v1/messages/{'x' * 6000}/"])
def test_nothing_is_redirected(platform: Platform, path: str) -> None:
    answer = ask(platform.backend_port, "POST", path)
    assert (answer.status in {404, 405}, answer.headers.get("Location")) == (True, None)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("OPTIONS", 204)])
def test_uptime_checkers_are_answered(platform: Platform, method: str, status: int) -> None:
    ports = (platform.ai_port, platform.backend_port)
    assert [ask(port, method, "/health").status for port in ports] == [status, status]


def test_a_dashboard_outlives_reloads_and_status_shows_who_serves_it(platform: Platform) -> None:
    [balancer] = platform.replicas("nginx-lb").values()
    token = {"Authorization": f"Bearer {platform.secret('DASHBOARD_TOKEN')}"}
    url = f"ws://127.0.0.1:{platform.backend_port}/ws/dashboard"
    with connect(url, additional_headers=token, proxy=None) as dashboard:
        assert json.loads(dashboard.recv(timeout=30))
        docker.from_env().containers.get(balancer).kill("SIGHUP")

        def only_its_worker_is_left() -> bool:
            old = platform.invoke("status", "--json").check().json["old_balancer_workers"]
            return bool(old == {"nginx-lb": 1})

        # The other one ends once nothing is under way.
        assert wait_until(only_its_worker_is_left, 60.0)
        assert json.loads(dashboard.recv(timeout=30))
