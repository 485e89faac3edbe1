"""What goes wrong: one clear message, the documented exit code, and what was serving goes on serving."""

from __future__ import annotations

import signal
import socket

import docker
import pytest
from tests.integration.engine_proxy import EngineProxy
from tests.integration.platform import Platform

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "words",
    [
        ["scale", "--ai-engine", "0"],
        ["scale", "--ai-engine=-1"],
        ["scale", "--ai-engine", "three"],
        ["scale", "--no-such-service", "3"],
        ["scale", "--ai-engine"],
        ["scale", "--build", "nonsense"],
        ["scale", "--prune-network"],
        ["scale", "--down", "--ai-engine", "2"],
        ["scale", "--lock-wait", "soon"],
        ["scale", "--sentinel"],
        ["lb.check", "--service", "redis"],
        ["nonsense"],
    ],
)
def test_bad_usage_is_refused(platform: Platform, words: list[str]) -> None:
    before = platform.containers()
    ran = platform.invoke(*words)
    assert ran.code == 2, ran.text
    assert "Traceback" not in ran.text
    assert platform.containers() == before


def test_an_engine_that_does_not_answer_is_named(fresh: Platform) -> None:
    ran = fresh.invoke("scale", DOCKER_HOST="unix:///nonexistent.sock")
    assert ran.code == 3
    assert "no Docker engine answers" in ran.err
    assert "Traceback" not in ran.text


def test_a_port_that_is_taken_is_refused_before_anything_starts(fresh: Platform) -> None:
    with socket.create_server(("127.0.0.1", fresh.ai_port)):
        ran = fresh.invoke("scale")
    assert ran.code == 2
    assert str(fresh.ai_port) in ran.text
    assert fresh.containers() == {}


def test_a_malformed_secret_is_refused_without_its_value(fresh: Platform) -> None:
    (fresh.folder / "env.secrets").write_text("POSTGRES_PASSWORD='halfway-canary\n")
    (fresh.folder / "env.secrets").chmod(0o600)
    ran = fresh.invoke("scale")
    assert ran.code == 2, ran.text
    assert "canary" not in ran.text
    assert fresh.containers() == {}


def test_a_failed_migration_stops_there_and_leaves_nothing(fresh: Platform, broken_image: str) -> None:
    ran = fresh.invoke("scale", MEMORY_ENGINE_IMAGE=broken_image)
    assert ran.code == 1, ran.text
    assert "relation does not exist, said the migration" in ran.text
    assert "nginx-lb" not in str(fresh.containers())
    assert fresh.containers() == {}


def test_a_replica_that_never_gets_healthy_is_undone_and_the_others_serve_on(
    platform: Platform, broken_image: str
) -> None:
    before = platform.containers()
    ran = platform.invoke(
        "scale", "--ai-engine", str(len(platform.replicas("ai-engine")) + 1), AI_ENGINE_IMAGE=broken_image
    )
    assert ran.code == 1, ran.text
    assert platform.containers() == before
    assert platform.chat()[0] == 200


def test_ctrl_c_in_the_first_start_leaves_nothing(fresh: Platform) -> None:
    ran = fresh.interrupted("wait until healthy", signal.SIGINT, "scale")
    assert ran.code == 130, ran.text
    assert "Traceback" not in ran.text
    assert fresh.containers() == {}


@pytest.mark.faults
def test_after_a_kill_the_same_command_brings_everything_up(fresh: Platform) -> None:
    killed = fresh.interrupted("run migrations", signal.SIGKILL, "scale", "--ai-engine", "2")
    assert killed.code == -signal.SIGKILL
    fresh.invoke("scale", "--ai-engine", "2").check()
    assert fresh.chat()[0] == 200
    assert len(fresh.replicas("ai-engine")) == 2


@pytest.mark.faults
def test_an_engine_that_goes_away_half_way_is_one_message(fresh: Platform) -> None:
    with EngineProxy(fresh.folder / "engine.sock") as proxy:
        process = fresh.start("scale", DOCKER_HOST=proxy.docker_host, OPTIMUS_ENGINE_WAIT="3")
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "✓ wait until healthy" in line:
                proxy.cut()
        said = "".join(lines)
        assert process.wait(timeout=300) == 3, said
    assert "stopped answering" in said
    assert "Traceback" not in said


def test_of_two_scales_at_once_one_is_refused_and_says_by_whom(platform: Platform) -> None:
    one_more = str(len(platform.replicas("ai-engine")) + 1)
    first = platform.start("scale", "--ai-engine", one_more)
    assert first.stdout is not None
    try:
        first.stdout.readline()
        second = platform.invoke("scale", "--ai-engine", "2")
    finally:
        first.communicate(timeout=300)
    assert second.code == 2, second.text
    assert str(first.pid) in second.text


def test_down_keeps_volumes_and_prune_network_removes_networks(fresh: Platform) -> None:
    fresh.invoke("migrate").check()
    fresh.invoke("scale", "--down", "--prune-network").check()
    api = docker.from_env().api
    label = {"label": f"com.docker.compose.project={fresh.project}"}
    assert fresh.containers() == {}
    assert api.networks(filters=label) == []
    assert [volume["Name"] for volume in api.volumes(filters=label)["Volumes"]]


def test_a_new_checkout_takes_over_the_volumes_of_an_old_one(fresh: Platform) -> None:
    fresh.invoke("migrate").check()
    fresh.invoke("down").check()
    before = fresh.secret("POSTGRES_PASSWORD")
    (fresh.folder / "env.secrets").unlink()
    fresh.invoke("scale").check()
    assert fresh.secret("POSTGRES_PASSWORD") != before
    assert fresh.chat()[0] == 200
