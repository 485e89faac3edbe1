"""A short drill on the Redis services of a stack: killing the master, cutting it off, and being interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.platform import SECONDS, Platform, Ran, free_prefix, remove_everything
from tests.integration.test_sentinel import NODES, SENTINELS

pytestmark = pytest.mark.integration

NAME = "drill"
# Nobody may stall for as long as this by accident: on a machine that others load, the usual half second is too short.
CALM = {"REDIS_DOWN_AFTER_MS": "2000"}


@pytest.fixture(scope="module")
def stack(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return the servers and sentinels of a stack that may be drilled; no service runs beside them."""
    platform = Platform.fresh(tmp_path_factory.mktemp(NAME), NAME, checkout)
    platform.environ.update(CALM, REDIS_SUBNET_PREFIX=free_prefix(), OPTIMUS_DRILL="allowed")
    try:
        platform.invoke("secrets.init").check()
        platform.invoke("images.bases").check()
        compose(platform, "up", "-d", "--wait", *NODES, *SENTINELS)
        wait_until_whole(platform)
        yield platform
    finally:
        remove_everything(platform.project)


def compose(platform: Platform, *words: str, **environ: str) -> None:
    files = [platform.root / "compose" / f"docker-compose.{name}yml" for name in ("", "scale.", "sentinel.")]
    secrets = {"OPTIMUS_SECRETS_DIR": str(platform.folder / "state" / "secrets")}
    subprocess.run(
        ["docker", "compose", *(word for file in files for word in ("-f", str(file))), *words],
        env={**platform.environ, **secrets, **environ},
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )


def wait_until_whole(platform: Platform) -> None:
    """Wait until sentinels that have just started know each other and the replicas."""
    for _ in range(60):
        ran = platform.invoke("validate-redis", "--json")
        if ran.code == 0:
            return
    pytest.fail(ran.text)


def drill(platform: Platform, *words: str) -> Ran:
    return platform.invoke("redis.drill", *words)


def by_fault(document: Any) -> dict[str, Any]:
    return {fault["fault"]: fault for fault in document["faults"]}


@pytest.mark.faults
def test_a_killed_and_a_cut_off_master_lose_nothing_that_was_waited_for(stack: Platform, tmp_path: Path) -> None:
    ran = drill(stack, "--fault", "kill,partition", "--json", "--report", str(tmp_path))

    found = by_fault(ran.check().json)
    assert list(found) == ["kill", "partition"]
    for fault in found.values():
        assert fault["elections"] == {"1": 1}
        assert [lost for kind, (lost, _most) in fault["lost"].items() if "wait" in kind] == [0] * (
            len(fault["lost"]) // 2
        )
        assert all(run["good"] for run in fault["outcomes"])
        assert sum(counts["acknowledged"] for counts in fault["writes"].values()) > 100
    assert found["partition"]["outcomes"][0]["moments"]["new_master"] not in {
        "",
        found["kill"]["outcomes"][0]["moments"]["new_master"],
    }
    assert json.loads((tmp_path / "redis-drill.json").read_text())["result"] == "done"
    assert "<svg" in (tmp_path / "redis-drill.html").read_text()
    assert stack.invoke("validate-redis").code == 0


@pytest.mark.faults
def test_the_control_sees_losses_and_leaves_the_guard_as_it_was(stack: Platform) -> None:
    found = by_fault(drill(stack, "--fault", "control", "--json").check().json)["control"]

    assert found["lost"]["near"][0] > 0
    assert found["lost"]["near-wait"][0] == 0
    settings = [
        check["found"]
        for check in stack.invoke("validate-redis", "--json").json["checks"]
        if check["name"] == "min-replicas"
    ]
    assert settings
    assert not any(found == "off" for found in settings)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.faults)]
)
def test_an_interrupted_drill_cleans_up_first(stack: Platform, number: signal.Signals, code: int) -> None:
    ran = stack.interrupted("waiting for the fail-over", number, "redis.drill", "--fault", "kill")

    assert ran.code == code, ran.text
    assert "undo what was done" in ran.text
    assert stack.invoke("validate-redis").code == 0


@pytest.mark.faults
@pytest.mark.parametrize(("fault", "damage"), [("pause", "paused"), ("control", "cut off")])
def test_a_drill_after_a_killed_one_heals_first(stack: Platform, fault: str, damage: str) -> None:
    stack.interrupted("waiting for the fail-over", signal.SIGKILL, "redis.drill", "--fault", fault)

    ran = drill(stack, "--fault", "pause-short")

    assert f"which is {damage}" in ran.check().text
    assert ("put min-replicas-to-write of" in ran.text) == (fault == "control")
    checks = stack.invoke("validate-redis", "--json").check().json["checks"]
    assert not any(check["found"] == "off" for check in checks if check["name"] == "min-replicas")


def test_a_drill_under_way_locks_the_stack(stack: Platform) -> None:
    # Longer than a second command can take to start.
    running = stack.start("redis.drill", "--fault", "pause-short", "--runs", "50")
    assert running.stdout is not None
    for line in running.stdout:
        if "writing" in line:
            break

    second = drill(stack, "--fault", "pause-short")
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=SECONDS)

    assert running.returncode == 130, output
    assert second.code == 2
    assert "is locked by" in second.err
    assert "redis.drill --fault pause-short" in second.err


def test_a_plan_breaks_nothing(stack: Platform) -> None:
    before = stack.containers()

    ran = drill(stack, "--fault", "kill", "--runs", "20", "--plan", "--json")

    [step] = ran.check().json["plan"]["steps"]
    assert (step["fault"], step["runs"]) == ("kill", 20)
    assert stack.containers() == before


def test_an_unhealthy_stack_is_refused(stack: Platform) -> None:
    compose(stack, "stop", SENTINELS[2])
    try:
        ran = drill(stack, "--fault", "kill")
    finally:
        compose(stack, "start", SENTINELS[2])
        wait_until_whole(stack)

    assert ran.code == 2
    assert SENTINELS[2] in ran.err


def test_a_stack_that_is_not_marked_is_refused(stack: Platform) -> None:
    compose(stack, "up", "-d", "--wait", "--no-deps", SENTINELS[2], OPTIMUS_DRILL="denied")

    ran = drill(stack, "--fault", "kill")

    assert ran.code == 2
    assert SENTINELS[2] in ran.err
    assert "OPTIMUS_DRILL=allowed" in ran.err
