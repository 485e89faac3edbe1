"""Docker Compose itself reads every combination of the files, and sees in it what the unit tests see."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.compose_files import COMPOSE, STACKS, Model, overlay, services

pytestmark = pytest.mark.integration

HOST = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG"}}


def rendered(*overlays: str, **variables: str) -> Model:
    """The merged model with only these variables set, whatever this machine has set."""
    files = [COMPOSE / name for name in ("docker-compose.yml", *map(overlay, overlays))]
    arguments = [argument for file in files for argument in ("-f", str(file))]
    done = subprocess.run(
        ["docker", "compose", "--env-file", os.devnull, *arguments, "config", "--format", "json"],
        env=HOST | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model: Model = json.loads(done.stdout)
    return model


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_a_combination_renders(stack: tuple[str, ...]) -> None:
    assert rendered(*stack)["name"] == "optimus"


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_compose_merges_as_the_unit_tests_do(stack: tuple[str, ...]) -> None:
    expected = services(*stack)
    found = rendered(*stack)["services"]
    assert found.keys() == expected.keys()
    for name, service in found.items():
        assert service["image"] == expected[name]["image"]
        assert service["labels"] == expected[name]["labels"]
        assert list(service["networks"]) == sorted(expected[name]["networks"])
        assert service["security_opt"] == expected[name]["security_opt"]
        assert service.get("depends_on", {}).keys() == expected[name].get("depends_on", {}).keys()
        assert (service.get("environment") or {}).items() >= expected[name].get("environment", {}).items()
        assert [mount["target"] for mount in service["volumes"]] == [
            mount["target"] for mount in expected[name]["volumes"]
        ]


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_every_file_that_is_mounted_or_built_from_exists(stack: tuple[str, ...]) -> None:
    for service in rendered(*stack)["services"].values():
        paths = [Path(mount["source"]) for mount in service["volumes"] if mount["type"] == "bind"]
        if "build" in service:
            paths.append(Path(service["build"]["context"]) / service["build"]["dockerfile"])
        assert not [path for path in paths if ".optimus" not in path.parts and not path.exists()]


def test_settings_can_be_changed_by_variables() -> None:
    model = rendered("scale", AI_ENGINE_PORT="18010", WEB_CONCURRENCY="2", COMPOSE_PROJECT_NAME="second")
    assert model["name"] == "second"
    assert model["networks"]["optimus"]["name"] == "second_optimus"
    assert model["services"]["ai-engine"]["environment"]["WEB_CONCURRENCY"] == "2"
    assert "18010" in {port["published"] for port in model["services"]["nginx-lb"]["ports"]}
