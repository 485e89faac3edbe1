from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine

from optimus_ops.engine.start_checks import LEAST_FREE_BYTES, busy, check_disk, check_ports, check_subnets
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import State
from optimus_ops.model.subnets import Network, parse_subnets
from optimus_ops.project.settings import load_project


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def compose_of(folder: Path, port: int, text: str) -> FakeCompose:
    (folder / "compose.yml").write_text(text)
    published = {"target": 80, "published": str(port), "host_ip": "127.0.0.1"}
    model: dict[str, Any] = {"name": "shop", "services": {"web": {"image": "web:1", "ports": [published]}}}
    return FakeCompose(load_project(folder, {}), (folder / "compose.yml",), model=model)


def test_a_port_that_is_taken_names_the_variable_that_sets_it(tmp_path: Path, taken: int) -> None:
    (tmp_path / "common.yml").write_text('services: {edge: {ports: ["127.0.0.1:${WEB_PORT:-8000}:80"]}}')
    compose = compose_of(tmp_path, taken, "services: {web: {extends: {file: common.yml, service: edge}}}")
    with pytest.raises(Refused) as refused:
        check_ports(compose.stack(), State("shop"), compose)
    assert refused.value.message == f"already in use on this host: 127.0.0.1:{taken} (wanted by web)"
    assert "publish another port, as in WEB_PORT=" in str(refused.value.hint)


def test_a_port_that_no_variable_sets_is_refused_all_the_same(tmp_path: Path, taken: int) -> None:
    compose = compose_of(tmp_path, taken, f'services: {{web: {{ports: ["{taken}:80"]}}}}')
    with pytest.raises(Refused) as refused:
        check_ports(compose.stack(), State("shop"), compose)
    assert str(refused.value.hint).endswith("or publish another port")


def test_a_disk_that_is_nearly_full_is_named_with_what_to_do() -> None:
    with pytest.raises(MissingPrerequisite, match="only 3 MB are free in /var/lib/docker") as lacks:
        check_disk("/var/lib/docker", lambda _path: 3 * 1024**2)
    assert "docker system prune" in (lacks.value.hint or "")


def test_a_disk_with_room_is_fine() -> None:
    check_disk("/var/lib/docker", lambda _path: LEAST_FREE_BYTES)


def test_the_disk_of_an_engine_elsewhere_is_not_ours_to_check() -> None:
    check_disk("/no/such/folder")


def test_a_network_whose_addresses_another_project_has_is_refused_before_anything_starts() -> None:
    class Taken(FakeEngine):
        def all_networks(self) -> tuple[Network, ...]:
            return (Network("other_default", "other", parse_subnets([{"Subnet": "10.9.0.0/24"}])),)

    networks = {"default": {"name": "shop_default", "ipam": {"config": [{"subnet": "10.9.0.0/25"}]}}}
    document = {"name": "shop", "services": {"web": {"networks": {"default": None}}}, "networks": networks}
    check_subnets(FakeEngine(), document)
    with pytest.raises(Refused, match="other_default") as refused:
        check_subnets(Taken(), document)
    assert refused.value.hint


def test_an_address_that_this_host_does_not_have_is_not_called_taken() -> None:
    assert busy([PublishedPort("192.0.2.1", 1, 80)]) == ()
