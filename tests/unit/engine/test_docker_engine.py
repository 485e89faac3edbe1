"""The adapter of the Docker engine against answers of its API: good ones, refusals, and ones that are cut off."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.fakes.engine_api import EngineApi, Reply, output, refusal
from tests.unit.engine.archives import packed

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.errors import EngineGone, EngineRefused, NoSuchThing
from optimus_ops.engine.values import ContainerStart
from optimus_ops.errors import MissingPrerequisite

LABELS = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "com.docker.compose.config-hash": "h",
}


def inspected(container: str = "a", *, state: dict[str, Any] | None = None, **facts: Any) -> Reply:
    """Return what the engine says of one container."""
    described = {
        "Id": container,
        "Name": f"/shop-web-{container}",
        "Config": {"Image": "web:1", "Labels": LABELS, "Tty": False},
        "State": {"Status": "running", "Running": True, "Pid": 42, **(state or {})},
        "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": "10.0.0.2", "Aliases": ["web"]}}},
    }
    return Reply({**described, **facts})


# The host


def test_the_host_s_facts_are_those_that_the_engine_reports(engine: DockerEngine) -> None:
    assert (engine.node, engine.root, engine.memory, engine.cpus) == ("here", "/srv/docker", 8, 2.0)


def test_an_engine_that_answers_nonsense_while_connecting_is_a_missing_prerequisite(api: EngineApi) -> None:
    api.on("GET /info", refusal(500, "broken"))
    with pytest.raises(MissingPrerequisite, match="no Docker engine answers at unix://"):
        DockerEngine.connect(timeout=30)


def test_an_engine_answers_as_long_as_it_can_be_pinged(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /_ping", Reply(pieces=[b"OK"]), refusal(500, "broken"))
    assert [engine.answers(), engine.answers()] == [True, False]


def test_the_engine_s_time_is_unknown_where_it_tells_none(api: EngineApi, engine: DockerEngine) -> None:
    assert engine.now() is None
    api.on("GET /info", Reply({"SystemTime": "yesterday"}))
    assert engine.now() is None
    api.on("GET /info", Reply({"SystemTime": "2026-01-01T00:00:00.5Z"}))
    assert str(engine.within(5).now()) == "2026-01-01 00:00:00.500000+00:00"


def test_an_engine_that_hangs_up_is_gone_and_one_that_refuses_is_quoted(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /containers/a/json", Reply({"Id": "a"}, cut=True), refusal(500, "out of disk"))
    with pytest.raises(EngineGone):
        engine.pid("a")
    with pytest.raises(EngineRefused, match="the Docker engine refused: out of disk") as raised:
        engine.pid("a")
    assert raised.value.status == 500


# Containers


def test_a_container_that_is_removed_while_containers_are_listed_is_left_out(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/json", Reply([{"Id": "a", "Labels": LABELS}, {"Id": "b", "Labels": LABELS}]))
    api.on("GET /containers/a/json", inspected())
    assert [replica.id for replica in engine.observe("shop").replicas] == ["a"]
    assert [raw["Id"] for raw in engine.inspect("shop")] == ["a"]
    assert engine.observe("shop", ["db"]).replicas == ()


def test_one_off_containers_are_no_replicas(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /containers/json", Reply([{"Id": "a", "Labels": {**LABELS, "com.docker.compose.oneoff": "True"}}]))
    api.on("GET /containers/a/json", inspected())
    assert engine.observe("shop").replicas == ()
    assert [replica.id for replica in engine.observe("shop", one_off=True).replicas] == ["a"]


@pytest.mark.parametrize(("started", "crashing"), [("00:00:55", True), ("00:00:10", False)])
def test_a_replica_that_was_only_just_started_again_counts_as_crashing(
    api: EngineApi, engine: DockerEngine, started: str, *, crashing: bool
) -> None:
    api.on("GET /info", Reply({"SystemTime": "2026-01-01T00:01:00Z"}))
    api.on("GET /containers/json", Reply([{"Id": "a", "Labels": LABELS}]))
    state = {"StartedAt": f"2026-01-01T{started}Z"}
    api.on("GET /containers/a/json", inspected(state=state, RestartCount=3))
    [replica] = engine.observe("shop").replicas
    assert (replica.crashing, replica.restarts) == (crashing, 3)


def test_each_compose_file_of_a_project_is_named_once(api: EngineApi, engine: DockerEngine) -> None:
    name = "com.docker.compose.project.config_files"
    api.on("GET /containers/json", Reply([{"Labels": {name: "/a.yml,/b.yml"}}, {"Labels": {name: "/a.yml"}}]))
    assert engine.files("shop", stopped=True) == ("/a.yml", "/b.yml")
    assert "all=1" in api.asked[-1]


def test_a_container_that_is_gone_already_needs_no_stop_and_no_removal(api: EngineApi, engine: DockerEngine) -> None:
    assert engine.stop("a", seconds=3.9) is True
    for act in (engine.start, engine.remove, engine.pause, engine.unpause, engine.kill):
        act("a")
    engine.restart("a", seconds=1)
    assert api.asked[0] == "POST /containers/a/stop?t=3"
    with pytest.raises(NoSuchThing):
        engine.start("a", missing_ok=False)
    with pytest.raises(NoSuchThing):
        engine.signal("a", "SIGHUP")


@pytest.mark.parametrize(("code", "in_time"), [(0, True), (143, True), (137, False)])
def test_a_container_that_had_to_be_killed_did_not_stop_in_time(
    api: EngineApi, engine: DockerEngine, code: int, *, in_time: bool
) -> None:
    api.on("POST /containers/a/stop", Reply(status=204))
    api.on("GET /containers/a/json", inspected(state={"ExitCode": code}))
    assert engine.stop("a", seconds=1) is in_time


def test_a_removal_that_is_under_way_is_waited_for(api: EngineApi, engine: DockerEngine) -> None:
    api.on("DELETE /containers/a", refusal(409, "removal of container a is already in progress"))
    api.on("GET /containers/a/json", inspected(state={"Status": "removing"}))
    api.on("POST /containers/a/wait", Reply({"StatusCode": 0}))
    engine.remove("a")
    assert api.asked[-1].startswith("POST /containers/a/wait?condition=removed")


@pytest.mark.parametrize(("status", "state"), [(500, "removing"), (409, "running")])
def test_a_removal_that_is_refused_is_an_error(api: EngineApi, engine: DockerEngine, status: int, state: str) -> None:
    api.on("DELETE /containers/a", refusal(status, "busy"))
    api.on("GET /containers/a/json", inspected(state={"Status": state}))
    with pytest.raises(EngineRefused, match="busy"):
        engine.remove("a")


@pytest.mark.parametrize(
    ("paused", "asked"), [(False, ["POST /containers/a/pause"]), (True, ["POST /containers/a/unpause"])]
)
def test_only_what_runs_is_paused_and_only_what_is_paused_goes_on(
    api: EngineApi, engine: DockerEngine, asked: list[str], *, paused: bool
) -> None:
    api.on("GET /containers/a/json", inspected(state={"Paused": paused}))
    for verb in ("pause", "unpause"):
        api.on(f"POST /containers/a/{verb}", Reply(status=204))
    engine.pause("a")
    engine.unpause("a")
    assert [request for request in api.asked if request.startswith("POST")] == asked


def test_killing_what_ended_already_is_no_error(api: EngineApi, engine: DockerEngine) -> None:
    api.on("POST /containers/a/kill", refusal(409, "container a is not running"))
    api.on("GET /containers/a/json", inspected(state={"Running": False}), inspected())
    engine.kill("a")
    with pytest.raises(EngineRefused, match="is not running"):
        engine.kill("a")


def test_a_container_s_command_and_processes_are_lines(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /containers/a/json", inspected(Config={"Cmd": ["nginx", "-g", "x"]}), inspected())
    assert engine.command("a") == ("nginx", "-g", "x")
    assert engine.command("a") == ()
    assert engine.pid("a") == 42
    api.on("GET /containers/a/top", Reply({"Processes": [["1", "nginx: master"]]}), Reply({"Processes": None}))
    assert [engine.processes("a"), engine.processes("a")] == [("1 nginx: master",), ()]


# Output


def test_a_container_s_last_lines_are_those_asked_for_and_none_where_it_is_gone(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/a/json", inspected())
    api.on("GET /containers/a/logs", Reply(pieces=[output("one\ntw\xf6\n")]))
    assert engine.logs("a", tail=2, stderr=False) == ("one", "tw\xf6")
    assert engine.logs("a", since=17.9) == ("one", "tw\xf6")
    first, second = (set(request.partition("?")[2].split("&")) for request in api.asked if "/logs?" in request)
    assert {"tail=2", "stderr=0"} <= first
    assert {"since=17", "stderr=1"} <= second
    assert engine.logs("b", tail=None) == ()


def test_output_is_streamed_as_it_comes_and_a_closed_stream_can_be_closed_again(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/a/json", inspected())
    api.on("GET /containers/a/logs", Reply(pieces=[output("one\n"), output("two\n", stream=2)]))
    stream = engine.stream_logs("a", since=3, timestamps=True)
    assert list(stream) == [b"one\n", b"two\n"]
    stream.close()
    stream.close()
    [words] = [set(request.partition("?")[2].split("&")) for request in api.asked if "/logs?" in request]
    assert {"since=3", "timestamps=1", "follow=1"} <= words


def test_output_ends_where_the_engine_is_killed_and_half_a_frame_of_it_is_no_output(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/a/json", inspected())
    api.on(
        "GET /containers/a/logs",
        Reply(pieces=[output("one\n"), output("two\n")[:10]], cut=True),
        Reply(pieces=[output("one\n"), output("two\n")[:6]]),
    )
    assert list(engine.stream_logs("a")) == [b"one\n"]
    read: list[bytes] = []
    with pytest.raises(EngineGone):
        read.extend(engine.stream_logs("a"))
    assert read == [b"one\n"]


def test_starts_are_told_of_replicas_and_not_of_jobs_and_end_with_the_engine(
    api: EngineApi, engine: DockerEngine
) -> None:
    def event(container: str, **labels: str) -> bytes:
        facts = {"name": f"shop-web-{container}", **LABELS, **labels}
        return json.dumps({"Actor": {"ID": container, "Attributes": facts}, "time": 7}).encode()

    one_off = event("job", **{"com.docker.compose.oneoff": "True"})
    api.on("GET /events", Reply(pieces=[event("a"), one_off, event("b")], cut=True))
    starts = list(engine.starts("shop"))
    assert starts[0] == ContainerStart("a", "shop-web-a", "web", 7)
    assert [start.container for start in starts] == ["a", "b"]


# Files


def test_a_file_is_read_out_of_a_container_and_a_folder_or_nothing_is_none(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/a/archive", packed("conf", b"x=1\n"), packed("conf", None), refusal(404, "no such file"))
    assert [engine.read_file("a", "/conf") for _ in range(3)] == [b"x=1\n", None, None]


def test_a_file_whose_reading_is_cut_off_is_not_taken_for_a_whole_one(api: EngineApi, engine: DockerEngine) -> None:
    whole = packed("conf", b"x=1\n")
    api.on("GET /containers/a/archive", Reply(pieces=whole.pieces, headers=whole.headers, cut=True))
    with pytest.raises(EngineGone):
        engine.read_file("a", "/conf")


def test_usage_and_limits_are_read_and_unknown_where_the_engine_tells_none(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("GET /containers/a/stats", Reply({"cpu_stats": {"cpu_usage": {"total_usage": 2 * 10**9}}}))
    api.on("GET /containers/a/json", inspected(HostConfig={"CpuQuota": 50_000, "Memory": 1024}))
    sample = engine.sample("a")
    assert (sample.at, sample.cpu_seconds, sample.memory) == (None, 2.0, None)
    assert (engine.limits("a").cpus, engine.limits("a").memory) == (0.5, 1024)


# Networks and volumes


def test_networks_and_volumes_of_a_project_are_named_in_order(api: EngineApi, engine: DockerEngine) -> None:
    api.on("GET /networks", Reply([{"Name": "shop_b", "Labels": None, "IPAM": None}, {"Name": "shop_a"}]))
    api.on("GET /volumes", Reply({"Volumes": [{"Name": "shop_d"}, {"Name": "shop_c"}]}), Reply({"Volumes": None}))
    assert engine.networks("shop") == ("shop_a", "shop_b")
    assert [(network.name, network.subnets) for network in engine.all_networks()] == [("shop_b", ()), ("shop_a", ())]
    assert [engine.volumes("shop"), engine.volumes("shop")] == [("shop_c", "shop_d"), ()]


def test_removing_a_network_or_volume_that_is_gone_is_no_error(api: EngineApi, engine: DockerEngine) -> None:
    assert engine.network_users("n") == {}
    assert engine.remove_network("n") is False
    engine.remove_volume("v")
    api.on("DELETE /networks/n", Reply(status=204), refusal(403, "active endpoints"))
    assert engine.remove_network("n") is True
    with pytest.raises(EngineRefused, match="active endpoints"):
        engine.remove_network("n")
    api.on("GET /networks/n", Reply({"Containers": {"a": {"Name": "shop-web-1"}}}), Reply({"Containers": None}))
    assert [engine.network_users("n"), engine.network_users("n")] == [{"a": "shop-web-1"}, {}]


def test_a_container_that_is_connected_with_its_address_already_stays_connected(
    api: EngineApi, engine: DockerEngine
) -> None:
    api.on("POST /networks/shop_default/connect", refusal(403, "endpoint exists"))
    api.on("POST /networks/shop_default/disconnect", Reply(status=200))
    api.on("GET /containers/a/json", inspected())
    engine.connect_network("a", "shop_default", address="10.0.0.2", aliases=["web"])
    with pytest.raises(EngineRefused, match="endpoint exists"):
        engine.connect_network("a", "shop_default", address="10.0.0.3", aliases=())
    assert engine.attachment("a", "10.0.0.2") == ("shop_default", ("web",))
    with pytest.raises(NoSuchThing, match="has no address"):
        engine.attachment("a", "10.0.0.9")
    engine.disconnect_network("a", "shop_default")
    assert api.asked[-1] == "POST /networks/shop_default/disconnect"
