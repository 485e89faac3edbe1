"""What must hold for the overlay that runs the autoscaler as a service: the least rights."""

from __future__ import annotations

from tests.unit.compose_files import AUTOSCALE, COMPOSE, load, overlay, services

FOUND = services("scale", "autoscale")
ROOT = "/checkout"


def mounts(name: str) -> dict[str, str]:
    return {volume["target"]: volume["source"] for volume in FOUND[name]["volumes"]}


def test_only_the_proxy_has_the_engine_s_socket_and_nothing_but_its_own_configuration_beside_it() -> None:
    with_socket = [name for name, service in FOUND.items() if "docker.sock" in str(service)]
    assert with_socket == ["engine-proxy"]
    assert mounts("engine-proxy") == {
        "/etc/optimus/autoscaler": "./autoscaler",
        "/var/run/docker.sock": "/var/run/docker.sock",
    }
    assert not FOUND["engine-proxy"].get("environment")


def test_the_proxy_is_reached_by_the_autoscaler_alone() -> None:
    assert load(overlay("autoscale"))["networks"]["engine"]["internal"] is True
    assert [name for name, service in FOUND.items() if "engine" in service["networks"]] == list(AUTOSCALE)
    assert list(FOUND["engine-proxy"]["networks"]) == ["engine"]
    assert not any(FOUND[name].get("ports") for name in AUTOSCALE)


def test_the_autoscaler_sees_the_project_and_none_of_its_secrets() -> None:
    parts = {"compose", "config", "services", "pyproject.toml", "tasks.py", ".env.models"}
    state = {".optimus/locks", ".optimus/journal"}
    assert mounts("autoscaler").keys() == {f"{ROOT}/{part}" for part in parts | state}
    assert not [source for source in mounts("autoscaler").values() if "secret" in source]


def test_it_runs_where_the_files_are_on_the_host() -> None:
    service = load(overlay("autoscale"))["services"]["autoscaler"]
    assert service["working_dir"] == service["environment"]["OPTIMUS_ROOT"] == "${OPTIMUS_ROOT:-/checkout}"
    assert FOUND["autoscaler"]["environment"]["DOCKER_HOST"] == "tcp://engine-proxy:2375"


def test_the_stack_does_without_it() -> None:
    assert {FOUND[name]["labels"]["com.optimus.optional"] for name in AUTOSCALE} == {"true"}
    others = [service for name, service in FOUND.items() if name not in AUTOSCALE]
    assert not any(set(AUTOSCALE) & service.get("depends_on", {}).keys() for service in others)


def test_what_a_change_writes_or_reads_anew_asks_for_no_new_container() -> None:
    data = FOUND["autoscaler"]["labels"]["com.optimus.data-mounts"].split(",")
    folders = {"compose", "config", "services", ".optimus/locks", ".optimus/journal"}
    assert set(data) == {f"{ROOT}/{folder}" for folder in folders}


def test_the_proxy_lets_no_connection_become_another_protocol_but_that_of_exec() -> None:
    lines = (COMPOSE / "autoscaler" / "haproxy.cfg").read_text("utf-8").splitlines()
    upgrades = [line.strip() for line in lines if "Upgrade" in line]
    assert upgrades == [
        "http-request del-header Upgrade unless attach",
        "http-request set-header Upgrade tcp if attach { req.hdr(Upgrade) -m found }",
    ]
