"""`secrets.check-security` on a real engine: a running stack is clean, and what is planted in one is found."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from tests.integration.platform import Platform, local_image
from tests.support.leftovers import NAME

from optimus_ops.project.dotenv import read_dotenv

pytestmark = pytest.mark.integration

AREAS = ("images", "containers", "running")
LEAKY = f"{NAME}/leaky:1"
DOCKERFILE = """\
FROM {base}
ARG VALUE
USER 0
RUN echo "token=$VALUE" > /opt/app.conf
RUN rm /opt/app.conf
LABEL note=$VALUE
"""


def check(platform: Platform, *areas: str, code: int, **environ: str) -> list[dict[str, Any]]:
    """Run the check and return its findings; no value of the file of secrets is in what it prints."""
    words = [word for area in areas for word in ("--only", area)]
    ran = platform.invoke("secrets.check-security", *words, "--json", **environ)
    assert ran.code == code, ran.text
    assert not [name for name, value in values(platform).items() if len(value) >= 12 and value in ran.text]
    document = ran.json
    assert {area["name"] for area in document["scanners"] if area["state"] == "done"} == set(areas)
    found: list[dict[str, Any]] = document["findings"]
    return found


def values(platform: Platform) -> dict[str, str]:
    return read_dotenv(platform.folder / "env.secrets", {})


def test_a_running_stack_and_its_images_give_nothing_away_and_are_hardened(platform: Platform) -> None:
    assert [found for found in check(platform, *AREAS, code=0) if found["severity"] not in {"low", "medium"}] == []


@pytest.fixture
def leaky(fresh: Platform, tmp_path: Path) -> Iterator[Platform]:
    """Return a project with a value in a deleted file of an image's layer, and with a container as it must not be."""
    fresh.invoke("secrets.init").check()
    value = values(fresh)["DASHBOARD_TOKEN"]
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(base=local_image("ai-engine")))
    engine = docker.from_env()
    build = ["docker", "build", "--quiet", "--tag", LEAKY, "--build-arg", f"VALUE={value}", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    labels = {"com.docker.compose.project": fresh.project, "com.docker.compose.service": "ai-engine"}
    made = engine.containers.run(
        LEAKY,
        ["sh", "-c", f"echo using {value}; sleep 300; true"],
        detach=True,
        labels=labels,
        environment={"TOKEN": value},
        volumes={str(fresh.folder / "state" / "secrets"): {"bind": "/all", "mode": "rw"}},
        pid_mode="host",
        user="0",
    )
    try:
        yield fresh
    finally:
        made.remove(force=True)
        engine.images.remove(LEAKY, force=True)


def test_what_is_planted_in_images_containers_and_their_settings_is_found(leaky: Platform) -> None:
    found = check(leaky, *AREAS, code=1, AI_ENGINE_IMAGE=LEAKY)
    named = {(finding["rule"], finding["place"]["file"]) for finding in found}
    wanted = {
        ("images/secret-value", f"image:{LEAKY}/opt/app.conf"),
        ("images/secret-value", f"image:{LEAKY}/Labels"),
        ("images/secret-value", f"image:{LEAKY}/history"),
        *(("containers/secret-value", f"container:ai-engine/{part}") for part in ("environment", "command", "labels")),
        *(("containers/secret-value", f"container:ai-engine/{part}") for part in ("log", "arguments")),
        ("containers/secret-variable", "container:ai-engine/environment"),
        ("containers/foreign-secrets", "container:ai-engine/mounts"),
        *(("running/" + rule, "container:ai-engine") for rule in ("root-user", "capabilities", "namespaces")),
        *(("running/" + rule, "container:ai-engine") for rule in ("new-privileges", "writable-root", "differs")),
    }
    assert wanted - named == set()
