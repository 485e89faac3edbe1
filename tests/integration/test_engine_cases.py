"""The cases that the fake engine answers alike, with Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.platform import local_image, remove_everything
from tests.shared_engine_cases import CASES, Subject, model
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.project.settings import load_project
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration
PROJECT = f"{NAME}-cases"


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

    def ended() -> bool:
        return not any(replica.occupied for replica in engine.observe(PROJECT).of("job"))

    try:
        yield Subject(engine, compose, changed, image, lambda: None if wait_until(ended, 30.0) else pytest.fail("runs"))
    finally:
        remove_everything(PROJECT)


@pytest.mark.parametrize("case", CASES)
def test_the_docker_engine(case: str, subject: Subject) -> None:
    CASES[case](subject)
