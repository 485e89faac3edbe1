"""The cases that the fake engine answers alike, with Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError
from tests.integration.platform import local_image, remove_everything
from tests.shared_engine_cases import CASES, READY, Subject, model
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.project.settings import load_project
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration
PROJECT = f"{NAME}-cases"
SECONDS = 60.0


def until_ready(container: str) -> None:
    client = docker.from_env().containers

    def ready() -> bool:
        try:
            return bool(client.get(container).exec_run(["test", "-e", READY]).exit_code == 0)
        except APIError:
            return True  # it has ended

    assert wait_until(ready, SECONDS)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Subject]:
    image = local_image("ai-engine")
    engine = DockerEngine.connect()
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": PROJECT})
    files = {}
    for name, made in {
        "first": model(PROJECT, image),
        "changed": model(PROJECT, image, "trap 'exit 0' TERM; while :; do sleep 0.2; done"),
    }.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(made), "utf-8")
        files[name] = path
    compose, changed = (DockerCompose(project, (path,)) for path in files.values())

    def wait() -> None:
        assert wait_until(lambda: not any(job.occupied for job in engine.observe(PROJECT).of("job")), SECONDS)

    try:
        yield Subject(engine, compose, changed, image, wait, until_ready)
    finally:
        remove_everything(PROJECT)


@pytest.mark.parametrize("case", CASES)
def test_the_docker_engine(case: str, subject: Subject) -> None:
    CASES[case](subject)
