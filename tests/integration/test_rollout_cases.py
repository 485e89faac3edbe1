"""The changes that end on the fake engine as they end here, on Docker."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.integration.platform import local_image, remove_everything
from tests.shared_rollout_cases import CASES, Subject, model
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.project.settings import load_project

pytestmark = pytest.mark.integration
PROJECT = f"{NAME}-changes"
REPOSITORY = f"{NAME}/worker"
WAITS = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
SCRIPTS = {"1": f"touch /tmp/ready; {WAITS}", "2": f"touch /tmp/ready; {WAITS}", "mute": WAITS}


@pytest.fixture(scope="module")
def repository() -> Iterator[str]:
    """Return the repository of three versions of an image."""
    engine, base = docker.from_env(), local_image("ai-engine")
    for tag, script in SCRIPTS.items():
        start = json.dumps(["sh", "-c", script])
        recipe = f"FROM {base}\nLABEL version={tag}\nHEALTHCHECK NONE\nENTRYPOINT {start}\nCMD []\n"
        engine.images.build(fileobj=io.BytesIO(recipe.encode()), tag=f"{REPOSITORY}:{tag}", rm=True)
    yield REPOSITORY
    for image in engine.images.list(REPOSITORY):
        engine.images.remove(image.id, force=True)


@pytest.mark.parametrize("case", CASES)
def test_on_docker(case: str, repository: str, tmp_path: Path) -> None:
    path = tmp_path / "docker-compose.yml"
    path.write_text(json.dumps(model(PROJECT, repository)), "utf-8")
    project = load_project(tmp_path, {"COMPOSE_PROJECT_NAME": PROJECT})
    try:
        CASES[case](Subject(DockerEngine.connect(), DockerCompose(project, (path,)), repository))
    finally:
        remove_everything(PROJECT)
