"""Cases that every engine answers alike: one body each, run with the fake engine and with Docker."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.errors import EngineRefused, NoSuchThing, TooLarge
from optimus_ops.engine.port import Engine
from optimus_ops.model.state import Replica
from optimus_ops.system.process import CommandFailed

READY = "/tmp/ready"
"""A file of a container that has begun to handle signals."""
WAITING = f"trap 'exit 0' TERM; touch {READY}; while :; do sleep 0.1; done"
STUBBORN = f"trap '' TERM; touch {READY}; while :; do sleep 0.1; done"
JOB_CODE = 3
DATA = {"type": "volume", "source": "data", "target": "/data"}


@dataclass(frozen=True)
class Subject:
    """An engine with an empty project; `changed` is the same project with another definition of `web`.

    Args:
        wait: waits until the job has ended.
        until_ready: waits until a container that was started handles signals, or has ended.
    """

    engine: Engine
    compose: Compose
    changed: Compose
    image: str
    wait: Callable[[], None]
    until_ready: Callable[[str], object] = bool

    def of(self, service: str) -> tuple[Replica, ...]:
        return self.engine.observe(self.compose.project.name).of(service)

    def running(self, service: str) -> Replica:
        self.compose.create({service: 1}, {})
        (made,) = self.of(service)
        self.engine.start(made.id)
        self.until_ready(made.id)
        return self.of(service)[0]


def model(project: str, image: str, command: str = WAITING) -> dict[str, Any]:
    """Return the project's merged model."""

    def service(script: str, **facts: Any) -> dict[str, Any]:
        return {"image": image, "entrypoint": ["sh", "-c"], "command": [script], "networks": ["own"], **facts}

    return {
        "name": project,
        "networks": {"own": {"name": f"{project}_own"}},
        "volumes": {"data": {"name": f"{project}_data"}},
        "services": {
            "web": service(command, stop_grace_period="5s", volumes=[DATA]),
            "stubborn": service(STUBBORN, stop_grace_period="1s"),
            "job": service(f"exit {JOB_CODE}"),
        },
    }


def case_created_containers_are_numbered_and_not_started(subject: Subject) -> None:
    subject.compose.create({"web": 2}, {})
    assert [(found.number, found.status) for found in subject.of("web")] == [(1, "created"), (2, "created")]
    assert subject.of("job") == ()


def case_more_are_created_beside_those_that_exist(subject: Subject) -> None:
    first = subject.running("web")
    subject.compose.create({"web": 3}, {})
    assert [(found.number, found.status) for found in subject.of("web")] == [
        (1, "running"),
        (2, "created"),
        (3, "created"),
    ]
    assert subject.of("web")[0].id == first.id


def case_a_container_is_started_once(subject: Subject) -> None:
    started = subject.running("web")
    subject.engine.start(started.id)
    (found,) = subject.of("web")
    assert (found.running, found.started_at) == (True, started.started_at)
    subject.engine.start("0" * 64)


def case_a_container_ends_by_itself_when_it_is_stopped(subject: Subject) -> None:
    started = subject.running("web")
    assert subject.engine.stop(started.id, seconds=5.0)
    assert [(found.status, found.exit_code) for found in subject.of("web")] == [("exited", 0)]
    assert subject.engine.stop(started.id, seconds=5.0)
    assert subject.engine.stop("0" * 64, seconds=1.0)


def case_a_container_that_ignores_the_signal_is_killed(subject: Subject) -> None:
    started = subject.running("stubborn")
    assert not subject.engine.stop(started.id, seconds=1.0)
    assert [(found.status, found.exit_code) for found in subject.of("stubborn")] == [("exited", 137)]


def case_a_stopped_container_is_started_again(subject: Subject) -> None:
    started = subject.running("web")
    subject.engine.stop(started.id, seconds=5.0)
    subject.engine.start(started.id)
    assert [(found.id, found.running) for found in subject.of("web")] == [(started.id, True)]
    subject.engine.restart(started.id, seconds=5.0)
    assert [(found.id, found.running) for found in subject.of("web")] == [(started.id, True)]


def case_a_container_is_removed_whether_it_runs_or_not(subject: Subject) -> None:
    subject.running("web")
    subject.compose.create({"web": 2}, {})
    for found in subject.of("web"):
        subject.engine.remove(found.id)
        subject.engine.remove(found.id)
    assert subject.of("web") == ()


def case_a_frozen_container_goes_on(subject: Subject) -> None:
    started = subject.running("web")
    subject.engine.pause(started.id)
    subject.engine.pause(started.id)
    assert [(found.status, found.running, found.occupied) for found in subject.of("web")] == [("paused", False, True)]
    subject.engine.unpause(started.id)
    subject.engine.unpause(started.id)
    assert subject.of("web")[0].running


def case_what_does_not_run_takes_no_signal(subject: Subject) -> None:
    started = subject.running("web")
    subject.engine.kill(started.id)
    assert [(found.status, found.exit_code) for found in subject.of("web")] == [("exited", 137)]
    subject.engine.kill(started.id)
    with pytest.raises(EngineRefused):
        subject.engine.signal(started.id, "SIGHUP")
    with pytest.raises(EngineRefused):
        subject.engine.pause(started.id)


def case_a_job_ends_with_its_code(subject: Subject) -> None:
    job = subject.running("job")
    subject.wait()
    assert [(found.id, found.status, found.exit_code) for found in subject.of("job")] == [(job.id, "exited", JOB_CODE)]


def case_a_command_of_a_job_leaves_no_container(subject: Subject) -> None:
    done = subject.compose.run_job("job", [f"exit {JOB_CODE}"], label="com.optimus.test", seconds=60.0)
    assert done.code == JOB_CODE
    state = subject.engine.observe(subject.compose.project.name, one_off=True)
    assert state.replicas == ()


def case_a_network_goes_after_its_containers(subject: Subject) -> None:
    project = subject.compose.project.name
    started = subject.running("web")
    (network,) = subject.engine.networks(project)
    assert set(subject.engine.network_users(network)) == {started.id}
    with pytest.raises(EngineRefused):
        subject.engine.remove_network(network)
    subject.engine.remove(started.id)
    assert subject.engine.remove_network(network)
    assert not subject.engine.remove_network(network)
    assert subject.engine.networks(project) == ()


def case_a_container_is_disconnected_and_connected_again(subject: Subject) -> None:
    started = subject.running("web")
    ((network, address),) = started.addresses.items()
    name, aliases = subject.engine.attachment(started.id, address)
    subject.engine.disconnect_network(started.id, name)
    assert subject.engine.network_users(network) == {}
    subject.engine.connect_network(started.id, name, address="", aliases=aliases)
    assert set(subject.engine.network_users(network)) == {started.id}


def case_volumes_are_the_projects_own(subject: Subject) -> None:
    project = subject.compose.project.name
    subject.compose.create({"web": 1}, {})
    (volume,) = subject.engine.volumes(project)
    subject.engine.remove(subject.of("web")[0].id)
    subject.engine.remove_volume(volume)
    subject.engine.remove_volume(volume)
    assert subject.engine.volumes(project) == ()


def case_an_image_has_the_names_that_it_is_given(subject: Subject) -> None:
    name = f"{subject.compose.project.name}/web:kept"
    here = subject.engine.images([subject.image])[subject.image]
    subject.engine.tag(here, name)
    try:
        assert subject.engine.images([name, f"{name}-other"]) == {name: here}
        found = subject.engine.image(here)
        assert found is not None
        assert {name, subject.image} <= set(found.names)
    finally:
        subject.engine.untag(name)
    subject.engine.untag(name)
    assert subject.engine.images([name, subject.image]) == {subject.image: here}


def case_what_ended_is_started_again_in_place(subject: Subject) -> None:
    started = subject.running("web")
    subject.engine.stop(started.id, seconds=5.0)
    subject.compose.up({"web": 1}, existing="keep")
    assert [(found.id, found.running) for found in subject.of("web")] == [(started.id, True)]


def case_what_is_defined_anew_is_replaced_where_that_is_asked_for(subject: Subject) -> None:
    started = subject.running("web")
    subject.changed.up({"web": 1}, existing="keep")
    assert subject.of("web")[0].id == started.id
    subject.changed.up({"web": 1}, existing="replace")
    (found,) = subject.of("web")
    assert (found.id != started.id, found.running, found.number) == (True, True, 1)
    assert found.config_hash == subject.changed.hashes(subject.changed.document())["web"]


def case_containers_are_inspected_whether_they_run_or_not(subject: Subject) -> None:
    started = subject.running("web")
    subject.compose.create({"job": 1}, {})
    found = {raw["Id"]: raw for raw in subject.engine.inspect(subject.compose.project.name)}
    (job,) = subject.of("job")
    assert {key: raw["State"]["Status"] for key, raw in found.items()} == {started.id: "running", job.id: "created"}
    assert found[started.id]["Name"] == f"/{started.name}"
    assert found[started.id]["Config"]["Image"] == subject.image
    assert found[started.id]["Config"]["Labels"]["com.docker.compose.service"] == "web"
    networks = found[started.id]["NetworkSettings"]["Networks"]
    assert {name: facts["IPAddress"] for name, facts in networks.items()} == started.addresses


def case_starts_are_told_from_the_call_on(subject: Subject) -> None:
    first = subject.running("web")
    starts = subject.engine.starts(subject.compose.project.name)
    subject.compose.create({"web": 2}, {})
    second = subject.of("web")[1]
    subject.engine.start(first.id)
    subject.engine.start(second.id)
    subject.engine.stop(first.id, seconds=5.0)
    subject.engine.start(first.id)
    told = [next(starts) for _ in range(2)]
    assert [(start.container, start.name, start.service) for start in told] == [
        (second.id, second.name, "web"),
        (first.id, first.name, "web"),
    ]


def case_a_folder_of_an_image_is_an_archive(subject: Subject) -> None:
    packed = subject.engine.read_image(subject.image, "/etc", limit=2**24)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert "etc/passwd" in archive.getnames()
    with pytest.raises(TooLarge):
        subject.engine.read_image(subject.image, "/etc", limit=len(packed) - 1)
    with pytest.raises(NoSuchThing):
        subject.engine.read_image(subject.image, "/no/such/folder", limit=2**24)


def case_a_helper_runs_a_script_and_leaves_nothing(subject: Subject) -> None:
    script = 'read -r line; echo "$line for $1"'
    done = subject.engine.run_helper(subject.image, (script, "web"), feed=lambda stream: stream.write(b"data\n"))
    assert (done.code, done.stdout) == (0, "data for web\n")
    with pytest.raises(CommandFailed, match=f"ended with {JOB_CODE}"):
        subject.engine.run_helper(subject.image, (f"exit {JOB_CODE}",))
    assert subject.engine.inspect(subject.compose.project.name) == ()


def case_an_image_is_made_of_an_archive(subject: Subject) -> None:
    name = f"{subject.compose.project.name}/root:made"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "root.tar"
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("empty"))
        subject.engine.import_image(path, name, ("LABEL made=here",), seconds=60.0, on_line=lambda _line: None)
        found = subject.engine.image(name)
        subject.engine.untag(name)
        path.write_bytes(b"no archive")
        with pytest.raises(CommandFailed):
            subject.engine.import_image(path, name, (), seconds=60.0, on_line=lambda _line: None)
    assert found is not None
    assert found.labels == {"made": "here"}
    assert subject.engine.image(name) is None


def case_an_image_is_built_as_a_bake_file_says(subject: Subject) -> None:
    name, lines = f"{subject.compose.project.name}/baked:made", list[str]()
    with tempfile.TemporaryDirectory() as folder:
        target = {"context": folder, "dockerfile-inline": "FROM scratch\nCOPY bake.json /\n", "tags": [name]}
        path = Path(folder) / "bake.json"
        path.write_text(json.dumps({"group": {"default": {"targets": ["web"]}}, "target": {"web": target}}), "utf-8")
        subject.engine.bake(path, cache=True, seconds=120.0, on_line=lines.append)
    found = subject.engine.images([name])
    subject.engine.untag(name)
    assert set(found) == {name}
    assert any(name in line for line in lines)


def case_a_lower_count_takes_the_newest_away(subject: Subject) -> None:
    subject.compose.create({"web": 3}, {})
    subject.compose.create({"web": 1}, {})
    assert [found.number for found in subject.of("web")] == [1]


CASES: Mapping[str, Callable[[Subject], None]] = {
    name.removeprefix("case_"): case for name, case in sorted(globals().items()) if name.startswith("case_")
}
