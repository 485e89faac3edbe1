"""Another Compose project: jobs, conditions, a name of its own, services of any name; held against plain Compose."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import Platform, Ran, local_image, remove_everything
from tests.support.leftovers import PROJECT_LABEL

BASE = """
include: [parts/jobs.yml]
services:
  web.api:
    extends: {file: parts/common.yml, service: quiet}
    image: ${IMAGE}
    command: [sleep, "600"]
    depends_on:
      init: {condition: service_completed_successfully}
      seed: {condition: service_completed_successfully, required: false}
      db: {condition: service_healthy}
  db:
    extends: {file: parts/common.yml, service: quiet}
    image: ${IMAGE}
    command: [sh, -c, "sleep 1; touch /tmp/ok; exec sleep 600"]
    healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 200ms, retries: 50, disable: false}
    volumes: ["data:/data"]
volumes: {data: {}}
"""
COMMON = """
services:
  quiet: {image: x, entrypoint: [], init: true, stop_grace_period: 2s, network_mode: none, healthcheck: {disable: true}}
"""
JOBS = """
x-job: &job {image: "${IMAGE}", entrypoint: [], network_mode: none}
services:
  init: {<<: *job, command: [sh, -c, "echo first; echo then the reason; exit $CODE"]}
  seed: {<<: *job, command: [sh, -c, "echo no data; exit 4"]}
"""
TASKS = "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n"


@dataclass(frozen=True)
class Foreign:
    """A project in a folder of its own."""

    driver: Platform
    folder: Path
    project: str

    def invoke(self, *words: str, code: int = 0) -> Ran:
        return self.driver.invoke(*words, CODE=str(code))

    def containers(self) -> dict[str, Any]:
        listed = docker.from_env().containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={self.project}"})
        return {container.name.removeprefix(f"{self.project}-"): container for container in listed}


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Foreign]:
    made = Platform.fresh(tmp_path, "foreign", tmp_path)
    project = made.project
    for name, text in {
        "tasks.py": TASKS,
        "compose.yaml": BASE,
        "parts/common.yml": COMMON,
        "parts/jobs.yml": JOBS,
        ".env": f"COMPOSE_PROJECT_NAME={project}\nIMAGE={local_image('ai-engine')}\n",
        ".env.example": "IMAGE=\nIMAGE=another line of the same\nlower case\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    own = {"COMPOSE_PROJECT_NAME", "OPTIMUS_STATE_DIR", "OPTIMUS_SECRETS_FILE"}
    environ = {name: value for name, value in made.environ.items() if name not in own}
    try:
        yield Foreign(replace(made, environ=environ), tmp_path, project)
    finally:
        remove_everything(project)


def test_jobs_and_conditions_are_kept_and_what_plain_compose_started_is_found(foreign: Foreign) -> None:
    failed = foreign.invoke("up", code=3)
    assert failed.code == 1
    assert "init ended with 3" in failed.text
    assert "then the reason" in failed.text
    assert not foreign.containers()

    up = foreign.invoke("up").check()
    assert "ended with 0: then the reason" in up.text
    assert "ended with 4: no data" in up.text
    there = foreign.containers()
    started = {name: container.attrs["State"]["StartedAt"] for name, container in there.items()}
    assert started["init-1"] < started["web.api-1"]
    assert there["web.api-1"].status == "running"

    assert "nothing to do" in foreign.invoke("up").check().text
    assert "run init" not in foreign.invoke("scale", "--web.api", "2").check().text
    before = {name: container.id for name, container in foreign.containers().items()}
    assert before["init-1"] == there["init-1"].id

    plain = ["docker", "compose", "up", "--detach", "--scale", "web.api=2"]
    environ = {**foreign.driver.environ, "CODE": "0"}
    subprocess.run(plain, cwd=foreign.folder, env=environ, check=True, capture_output=True)
    # Made as plain Compose makes them: it finds all of them, and makes none anew.
    assert {name: container.id for name, container in foreign.containers().items()} == before
    assert "nothing to do" in foreign.invoke("up").check().text

    (foreign.folder / "compose.yaml").write_text("services: [\n")
    assert "web.api" in foreign.invoke("status").check().text
    assert "going by what runs" in foreign.invoke("down").check().text
    assert not foreign.containers()
