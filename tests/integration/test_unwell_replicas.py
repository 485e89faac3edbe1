"""Replicas that are not well, and what is left over: a small project, in which a sick one is sick within a second."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import docker
import pytest
from tests.integration.platform import ROOT, Platform, local_image, remove_everything

pytestmark = pytest.mark.integration

FILES = """\
services:
  web:
    image: {image}
    entrypoint:
      - sh
      - -c
      - 'trap "exit 0" TERM; if [ -e /switch/fail ]; then echo the relation is missing; exit 7; fi; while :; do sleep 0.1; done'
    restart: unless-stopped
    volumes: [../switch:/switch:ro]
    labels: {{com.optimus.scalable: "true"}}
    healthcheck:
      test: [CMD, test, "!", -e, /tmp/sick]
      interval: 1s
      retries: 1
      start_period: 1s
      start_interval: 0.2s
"""  # noqa: E501 - one line of a shell
FORMER = """\
  former:
    image: {image}
    entrypoint: [sleep, "600"]
    healthcheck: {{disable: true}}
    init: true
    networks: [default, old]
networks:
  old: {{}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a project of one service on an image that is there; nothing of it runs yet."""
    root = tmp_path_factory.mktemp("small")
    for name in ("compose", "switch"):
        (root / name).mkdir()
    shutil.copy2(ROOT / "tasks.py", root)
    made = Platform.fresh(root, "small", root)
    write_files(made)
    try:
        yield made
    finally:
        remove_everything(made.project)


def write_files(small: Platform, *more: str) -> None:
    """Write the Compose file; what else it has is added to it."""
    text = "".join([FILES, *more]).format(image=local_image("ai-engine"))
    (small.root / "compose" / "docker-compose.yml").write_text(text, "utf-8")


def until(told: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(300):
        if told():
            return
        time.sleep(0.1)
    pytest.fail("it never came to that")


def status(small: Platform, name: str, fact: str) -> str:
    """Return a fact of a container's state."""
    found = docker.from_env().api.inspect_container(f"{small.project}-{name}")
    return str(found["State"]["Health"]["Status"] if fact == "health" else found[fact])


def test_replicas_that_were_not_well_before_stay_out_of_it_and_are_replaced_by_force(small: Platform) -> None:
    small.invoke("scale", "--web", "2").check()
    api = docker.from_env().api
    api.exec_start(api.exec_create(f"{small.project}-web-1", ["touch", "/tmp/sick"])["Id"])
    api.exec_start(api.exec_create(f"{small.project}-web-2", ["sh", "-c", "kill 1"])["Id"])
    until(lambda: status(small, "web-1", "health") == "unhealthy" and status(small, "web-2", "RestartCount") == "1")
    # One that is still starting has a line of its own.
    until(lambda: status(small, "web-2", "health") == "healthy")

    more = small.invoke("scale", "--web", "3").check()
    [line] = [line for line in more.out.splitlines() if line.startswith("  ! ")]
    assert "web-1 is unhealthy" in line
    assert "web-2 was started again once by the engine" in line
    assert "invoke scale --force" in line

    small.invoke("scale", "--web", "2", "--force").check()
    assert {f"{small.project}-web-1", f"{small.project}-web-2"}.isdisjoint(small.containers())
    assert len(small.containers()) == 2


def test_replicas_that_crash_again_and_again_are_shown_and_replaced_once(small: Platform) -> None:
    small.invoke("scale", "--web", "2").check()
    crashing = min(small.replicas("web"))
    (small.root / "switch" / "fail").touch()
    docker.from_env().api.restart(crashing, timeout=1)
    until(lambda: int(status(small, crashing.removeprefix(f"{small.project}-"), "RestartCount")) > 1)
    told = small.invoke("up", "--plan").check().out
    assert "start web=2" in told
    assert "started again" in told
    assert "the relation is missing" in told
    assert "the relation is missing" in small.invoke("status").check().out

    failed = small.invoke("up")
    assert failed.code == 1, failed.text
    assert "the relation is missing" in failed.err
    assert len(small.containers()) == 2

    before = small.containers()
    api = docker.from_env().api
    api.pause(next(name for name in before if name != crashing))
    (small.root / "switch" / "fail").unlink()
    small.invoke("up").check()
    small.invoke("up").check()
    states = small.states()
    assert [state for _id, state in states.values()] == ["running", "running"]


def test_what_no_file_wants_is_named_and_removed_on_request(small: Platform) -> None:
    write_files(small, FORMER)
    small.invoke("up").check()
    write_files(small)
    base = ["docker", "compose", "-p", small.project, "-f", str(small.root / "compose" / "docker-compose.yml")]
    subprocess.run([*base, "run", "-d", "--name", f"{small.project}-by-hand", "web"], check=True, capture_output=True)

    for words in (["up"], ["status"], ["doctor"]):
        told = small.invoke(*words).text
        for named in (f"{small.project}-former-1", f"{small.project}-by-hand", f"{small.project}_old"):
            assert named in told, told
        assert "--remove-orphans" in told

    refused = small.invoke("down", "--prune-network")
    assert refused.code == 2, refused.text
    assert f"{small.project}-by-hand" in refused.err
    assert f"{small.project}-former-1" in small.containers()

    small.invoke("up", "--remove-orphans").check()
    assert set(small.containers()) == set(small.replicas("web"))
    api = docker.from_env().api
    networks = api.networks(filters={"label": f"com.docker.compose.project={small.project}"})
    assert [network["Name"] for network in networks] == [f"{small.project}_default"]
    small.invoke("down", "--prune-network").check()
    assert small.containers() == {}
