"""`invoke deploy` and `rollback` under load: nothing is lost, and nothing else is touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from benchmarks.chat import END_OF_STREAM
from tests.integration.derived import Images
from tests.integration.load import Load, balancer_log
from tests.integration.platform import Platform
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.integration

SERVICE_RESTART = 1012


def with_replicas(platform: Platform, count: int) -> None:
    """See to it that so many replicas of ai-engine run, and that nothing is left of earlier ones."""
    states = [state for name, (_id, state) in platform.states().items() if name in platform.replicas("ai-engine")]
    if states != ["running"] * count:
        platform.invoke("scale", "--ai-engine", str(count)).check()


def others(platform: Platform) -> dict[str, tuple[str, str]]:
    """Return everything that is no replica of ai-engine."""
    mine = platform.replicas("ai-engine")
    return {name: state for name, state in platform.states().items() if name not in mine}


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """Have another text in a file for a while."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)


def test_a_plan_changes_nothing_and_its_exit_code_says_whether_it_would(rolling: Platform, images: Images) -> None:
    now, tag = images.running(rolling)[0], images.another(rolling)
    rolling.invoke("deploy", "ai-engine", *images.wanted(now), "--observe", "0").check()
    before, words = rolling.states(), ["deploy", "ai-engine", "--plan", "--detailed-exitcode"]
    planned = rolling.invoke(*words, *images.wanted(tag), "--json")
    idle = rolling.invoke(*words, *images.wanted(now))
    assert (planned.code, idle.code) == (10, 0), planned.text + idle.text
    kinds = [step["step"] for step in planned.json["plan"]["steps"]]
    assert kinds[-3:] == ["stop", "verify", "remove"]
    wanted = images.id("ai-engine", tag).removeprefix("sha256:")[:12]
    assert all(wanted in step["cause"] for step in planned.json["plan"]["steps"] if step["step"] == "start")
    assert rolling.states() == before


def test_a_new_version_replaces_every_replica_and_loses_nothing(rolling: Platform, images: Images) -> None:
    with_replicas(rolling, 2)
    old, new = images.running(rolling)[0], images.another(rolling)
    before, replicas = others(rolling), rolling.replicas("ai-engine")
    with Load(rolling) as load, ThreadPoolExecutor(1) as pool:
        # It begins at an old replica, and lasts longer than that one has been asked to go.
        stream = pool.submit(rolling.chat, "embedded/15000", "a long story " * 10, stream=True)
        ran = rolling.invoke("deploy", "ai-engine", *images.wanted(new), "--observe", "1").check()
        status, _headers, said = stream.result()
    load.assert_nothing_lost()
    assert (status, said.rstrip().endswith(END_OF_STREAM)) == (200, True)
    assert images.running(rolling) == [new, new]
    assert not replicas.keys() & rolling.replicas("ai-engine").keys()
    assert others(rolling) == before
    assert docker.from_env().images.get(kept(rolling, images, old)).id == images.id("ai-engine", old)
    assert "every replica answered" in ran.out
    again = rolling.invoke("deploy", "ai-engine", *images.wanted(new), "--json").check().json
    assert again["result"] == "nothing to do"


def kept(platform: Platform, images: Images, tag: str) -> str:
    """Return the name under which a version is kept."""
    image = images.id("ai-engine", tag).removeprefix("sha256:")[:12]
    return f"{images.repository}/ai-engine:kept-{platform.project}-{image}"


def test_a_rollback_returns_to_the_version_of_which_no_container_is_left(rolling: Platform, images: Images) -> None:
    with_replicas(rolling, 2)
    [now, _same], before = images.running(rolling), images.another(rolling)
    if not docker.from_env().images.list(kept(rolling, images, before)):
        rolling.invoke("deploy", "ai-engine", *images.wanted(before), "--observe", "0", "--parallelism", "2").check()
        now, before = before, now
    replicas = rolling.replicas("ai-engine")
    with Load(rolling) as load:
        rolling.invoke("rollback", "ai-engine", "--parallelism", "2").check()
    load.assert_nothing_lost()
    assert images.running(rolling) == [before, before] != [now, now]
    assert not replicas.keys() & rolling.replicas("ai-engine").keys()


def test_a_post_that_was_sent_is_asked_of_nobody_else(rolling: Platform) -> None:
    """Lost: the request that the killed replica had in hand; its client is told once."""
    with_replicas(rolling, 2)
    victim, _other = sorted(rolling.replicas("ai-engine"))
    hostname = docker.from_env().containers.get(victim).attrs["Config"]["Hostname"]
    with ThreadPoolExecutor(2) as pool:
        names = ["it-sent-1", "it-sent-2"]
        asked = {name: pool.submit(rolling.chat, "embedded/4000", request=name) for name in names}
        time.sleep(1.5)
        docker.from_env().containers.get(victim).kill()
        answers = {name: answer.result() for name, answer in asked.items()}
    assert sorted(status for status, _headers, _body in answers.values()) == [200, 502]
    [lost] = [name for name, (status, _headers, _body) in answers.items() if status == 502]
    assert [headers["X-Served-By"] for status, headers, _ in answers.values() if status == 200] != [hostname]
    attempts = balancer_log(rolling)[lost]["upstream"].replace(" : ", ", ").split(", ")
    assert len(attempts) == 1
    executed = [
        i for i in rolling.replicas("ai-engine").values() if lost in docker.from_env().containers.get(i).logs().decode()
    ]
    assert executed == []


def test_changed_variables_and_mounted_files_are_causes(rolling: Platform, images: Images) -> None:
    with_replicas(rolling, 1)
    tag = images.running(rolling)[0]
    words = ["deploy", "ai-engine", *images.wanted(tag), "--observe", "1"]
    with edited(rolling.root / "config" / "tenants.yaml", "Acme Corporation", "Acme Limited"):
        planned = rolling.invoke(*words, "--plan").check()
        with Load(rolling) as load:
            ran = rolling.invoke(*words, LOG_LEVEL="debug").check()
    load.assert_nothing_lost()
    assert "configuration changed (tenants.yaml)" in planned.out
    assert "environment changed (LOG_LEVEL)" in ran.out
    [replica] = rolling.replicas("ai-engine").values()
    assert "LOG_LEVEL=debug" in docker.from_env().containers.get(replica).attrs["Config"]["Env"]


def dashboard(platform: Platform) -> ClientConnection:
    headers = {"Authorization": f"Bearer {platform.secret('DASHBOARD_TOKEN')}"}
    return connect(f"ws://127.0.0.1:{platform.backend_port}/ws/dashboard", additional_headers=headers, proxy=None)


def read_to_the_end(socket: ClientConnection) -> None:
    """Read until the other side closes; a replica has to do that within its grace period."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert json.loads(socket.recv(timeout=60))


def test_a_dashboard_is_told_to_come_back_and_finds_another_replica(rolling: Platform) -> None:
    with dashboard(rolling) as first, ThreadPoolExecutor(1) as pool:
        assert first.response is not None
        served_by = first.response.headers["X-Served-By"]
        ran = pool.submit(rolling.invoke, "deploy", "backend-orchestrator", "--force", "--observe", "0")
        with pytest.raises(ConnectionClosed) as closed:
            read_to_the_end(first)
        with dashboard(rolling) as second:
            assert json.loads(second.recv(timeout=10))
            assert second.response is not None
            assert second.response.headers["X-Served-By"] != served_by
        ran.result().check()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SERVICE_RESTART


def test_the_balancer_takes_a_good_configuration_in_place_and_refuses_a_broken_one(rolling: Platform) -> None:
    before, conf = rolling.states(), rolling.root / "compose" / "nginx" / "nginx.conf"
    with edited(
        conf, "location = /nginx-health {", "location = /it-was-here { return 204; }\n location = /nginx-health {"
    ):
        with Load(rolling) as load:
            rolling.invoke("deploy", "nginx-lb").check()
            asked = in_balancer(rolling, "http://127.0.0.1:8081/it-was-here")
            conf.write_text(
                conf.read_text().replace("location = /it-was-here", "no_such_directive on; location = /it-was-here")
            )
            refused = rolling.invoke("deploy", "nginx-lb")
        load.assert_nothing_lost()
    assert "204" in asked
    assert refused.code == 2, refused.text
    assert "no_such_directive" in refused.text
    assert "204" in in_balancer(rolling, "http://127.0.0.1:8081/it-was-here")
    rolling.invoke("deploy", "nginx-lb").check()
    assert rolling.states() == before


@pytest.mark.faults
def test_a_log_that_can_t_be_read_is_a_complaint_and_no_silence(rolling: Platform) -> None:
    with edited(rolling.root / "compose" / "nginx" / "log.conf", "/dev/stdout json;", "/dev/stdout combined;"):
        rolling.invoke("deploy", "nginx-lb").check()
        ran = rolling.invoke("deploy", "ai-engine", "--force", "--observe", "1")
    rolling.invoke("deploy", "nginx-lb").check()
    assert ran.code == 1, ran.text
    assert "judged without the balancer's log" in ran.err


def in_balancer(platform: Platform, url: str) -> str:
    """Return what the balancer's container sees of an address of its own."""
    [container] = platform.replicas("nginx-lb").values()
    ran = docker.from_env().containers.get(container).exec_run(["wget", "-S", "-q", "-O", "-", url])
    return str(ran.output.decode())


def test_an_address_that_dies_costs_no_request(rolling: Platform, images: Images) -> None:
    """The balancer knows a gone replica's address for another second; each request that tries it is taken elsewhere."""
    engine = docker.from_env()
    network = engine.networks.get(f"{rolling.project}_optimus")
    image = images.name("ai-engine", images.running(rolling)[0])
    dead = engine.containers.run(image, ["sleep", "600"], entrypoint=[], detach=True, name=f"{rolling.project}-dead")
    try:
        with Load(rolling, clients=8) as load:
            for _ in range(4):
                network.connect(dead, aliases=["ai-engine"])
                time.sleep(1.2)
                network.disconnect(dead)
                time.sleep(1.2)
    finally:
        dead.remove(force=True)
    load.assert_nothing_lost()
    lines = [line for name, line in balancer_log(rolling).items() if name in {answer.name for answer in load.answers}]
    assert [line for line in lines if len(line["upstream"].replace(" : ", ", ").split(", ")) > 1]
