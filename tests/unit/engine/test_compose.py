"""What Compose is told, with a program in place of `docker` that writes down its words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.project.settings import load_project

DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$0.told"
for word; do case "$word" in */override.json) cat "$word" >> "$0.told" ;; esac; done
"""


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerCompose:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return DockerCompose(load_project(tmp_path, {"COMPOSE_PROJECT_NAME": "shop"}), (tmp_path / "docker-compose.yml",))


def told(compose: DockerCompose) -> str:
    return (compose.project.root / "bin" / "docker.told").read_text("utf-8")


def test_nothing_is_pulled_or_built_while_containers_are_made(compose: DockerCompose) -> None:
    compose.up({"edge": 1}, existing="replace")
    compose.create({"ai": 2}, {})
    verbs = told(compose).splitlines()
    assert len(verbs) == 2
    assert all("--pull never" in verb and "--no-build" in verb for verb in verbs)


def test_an_override_is_read_last(compose: DockerCompose) -> None:
    compose.run("run", "job", override={"services": {"job": {"pull_policy": "never"}}})
    line, text = told(compose).splitlines()
    assert line.endswith("override.json run job")
    assert '"pull_policy": "never"' in text
