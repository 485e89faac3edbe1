"""Writes through services come from a module that the project names, whatever its platform is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from tests.unit.stacks import replica

from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import Replica, State
from optimus_ops.project.settings import Project, load_project
from optimus_ops.redis.drill.record import Write
from optimus_ops.redis.drill.service_workload import ServiceEndpoint, call_service, find_endpoints

MODULE = """
from optimus_ops.load.request import Request, encode
from optimus_ops.redis.drill.service_workload import ServiceWrites

def redis_writes(root, secrets):
    token = secrets["SHOP_TOKEN"].reveal()

    def order(endpoint, write):
        return Request(encode(endpoint, "PUT", f"/orders/{write}", {"X-Token": token}), write, "order")

    return [ServiceWrites("order", "shop", 9000, order, lambda write: [f"order:{write}"])]
"""
SHOP = replica("shop")


def balancer(host: str) -> Replica:
    return replica("nginx-lb", published=(PublishedPort(host, 19000, 9000),))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Return a project with a workload of its own."""
    (tmp_path / "foreign_workload.py").write_text(MODULE)
    (tmp_path / ".env.secrets").write_text("SHOP_TOKEN=t0ken\n")
    (tmp_path / ".env.secrets").chmod(0o600)
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nworkload = "foreign_workload"\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield load_project(tmp_path, {})
    sys.modules.pop("foreign_workload", None)


def endpoints(project: Project, *replicas: Replica) -> tuple[ServiceEndpoint, ...]:
    class Running:
        @staticmethod
        def observe(name: str) -> State:
            return State(name, replicas)

    return find_endpoints(cast("Engine", Running()), project)


def test_a_foreign_workload_is_sent_where_the_balancer_publishes_its_service(project: Project) -> None:
    [everywhere] = endpoints(project, SHOP, balancer("0.0.0.0"))
    [local] = endpoints(project, SHOP, balancer("127.0.0.2"))

    assert (everywhere.address.host, everywhere.address.port) == ("127.0.0.1", 19000)
    assert local.address.host == "127.0.0.2"
    assert (everywhere.kind.name, everywhere.kind.safe, everywhere.kind.service) == ("order", True, True)


def test_a_service_that_does_not_run_or_is_not_published_is_sent_nothing(project: Project) -> None:
    assert endpoints(project, SHOP) == ()
    assert endpoints(project, balancer("")) == ()


def test_without_a_workload_a_drill_writes_to_redis_only(tmp_path: Path) -> None:
    assert endpoints(load_project(tmp_path, {}), SHOP, balancer("")) == ()


def test_a_workload_that_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nworkload = "no_such_package.workload"\n')

    with pytest.raises(Refused, match=r"no module no_such_package\.workload"):
        endpoints(load_project(tmp_path, {}))


def test_a_workload_without_its_function_is_refused(project: Project) -> None:
    (project.root / "foreign_workload.py").write_text("")

    with pytest.raises(Refused, match="foreign_workload has no function redis_writes"):
        endpoints(project)


async def test_requests_of_a_foreign_workload_become_writes(project: Project) -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            seen.append(head)
            status = "200 OK" if len(seen) % 2 else "409 Conflict"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    [endpoint] = endpoints(project, SHOP, replica("nginx-lb", published=(PublishedPort("", port, 9000),)))
    writes: list[Write] = []

    async with server:
        await call_service(endpoint, "run", writes, lambda: len(writes) >= 3)

    assert {write.kind for write in writes} == {"order"}
    assert {(write.outcome, write.error) for write in writes} == {("acknowledged", ""), ("rejected", "HTTP 409")}
    assert len({write.id for write in writes}) == len(writes)
    assert all(head.startswith("PUT /orders/run-order-") and "X-Token: t0ken" in head for head in seen)
