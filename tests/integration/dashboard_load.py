"""Load that every panel of the dashboards shows something of, and what their queries then return."""

from __future__ import annotations

import socket

import docker
from scripts.dashboards.files import files
from scripts.dashboards.live import Returned, ask_all
from scripts.dashboards.model import Store
from scripts.dashboards.queries import asked_queries
from tests.integration.platform import Platform

from optimus_ops.http.address import HttpAddress
from optimus_ops.system.wait import wait_until

PORTS = {Store.PROMETHEUS: 9090, Store.LOKI: 3100, Store.TEMPO: 3200}
WAIT_SECONDS = 180.0


def answers_under_load(platform: Platform) -> list[Returned]:
    """Return what each query returned at last, with load between the attempts: rates need two scrapes."""
    addresses = {store: HttpAddress("http", _address(platform, store), port) for store, port in PORTS.items()}
    queries = list(asked_queries(files()))
    answers: list[Returned] = []

    def well() -> bool:
        _send(platform)
        answers[:] = ask_all(queries, addresses)
        return all(answer.well for answer in answers)

    _fail(platform)
    wait_until(well, WAIT_SECONDS, poll=5)
    return answers


def _send(platform: Platform) -> None:
    """Send one of each kind: chats, a long one, a stream, a recall, an error, a webhook; of two tenants."""
    platform.invoke("traces.smoke", "--within", "30")
    platform.chat("embedded/1500")
    body = {"model": "embedded", "messages": [{"role": "user", "content": "hello"}]}
    for tenant in ("ACME", "GLOBEX"):
        headers = {"Authorization": f"Bearer {platform.secret(f'TENANT_{tenant}_API_KEY')}", "X-Recall": "true"}
        platform.request("/v1/chat/completions", body, headers)


def _fail(platform: Platform) -> None:
    """Have the balancer answer 5xx: it knows no such coding (RFC 9112, 6.1)."""
    lines = ("POST /webhooks/whatsapp HTTP/1.1", "Host: x", "Transfer-Encoding: none-such", "Connection: close")
    with socket.create_connection(("127.0.0.1", platform.backend_port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 501")


def _address(platform: Platform, store: Store) -> str:
    (name,) = platform.replicas(store.value)
    networks = docker.from_env().containers.get(name).attrs["NetworkSettings"]["Networks"]
    return next(str(network["IPAddress"]) for network in networks.values() if network["IPAddress"])
