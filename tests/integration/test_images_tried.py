"""Built images on a real engine: tried by themselves, listed, and pushed to a registry on the loopback."""

from __future__ import annotations

import io
import json
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.integration.platform import Platform, local_image
from tests.integration.registry import running_registry
from tests.support.leftovers import NAME, PROJECT_LABEL

pytestmark = pytest.mark.integration

SECRET = "planted-secret-value-of-a-test"


def containers_of(project: str) -> list[str]:
    """Return the containers of a project and of those whose names begin with its name."""
    listed = docker.from_env().api.containers(all=True, filters={"label": PROJECT_LABEL})
    return [found["Names"][0] for found in listed if found["Labels"][PROJECT_LABEL].startswith(project)]


@pytest.fixture
def bad_image() -> Iterator[str]:
    """Return a version of ai-engine that ends at once, runs as root, and holds what it should not."""
    name = f"{NAME}/ai-engine:bad"
    recipe = f"""
FROM {local_image("ai-engine")}
USER root
RUN echo '#!/bin/sh' > /usr/bin/gcc && mkdir -p /root/.cache/pip && echo x > /root/.cache/pip/x
RUN echo 'password = "{SECRET}"' > /opt/app/settings.py
RUN rm /opt/app/settings.py
CMD ["sh", "-c", "echo no module named ai_engine; exit 3"]
"""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(recipe.encode())
        archive.addfile(member, io.BytesIO(recipe.encode()))
    context.seek(0)
    client = docker.from_env()
    client.images.build(fileobj=context, custom_context=True, tag=name, rm=True)
    yield name
    client.images.remove(name, force=True)


def test_services_come_up_by_themselves_and_nothing_is_left(fresh: Platform) -> None:
    ran = fresh.invoke("images.smoke", "backend-orchestrator", "--json").check()
    assert ran.json["ok"] is True
    assert ran.json["images"][0]["services"] == ["backend-orchestrator", "orchestrator-worker"]
    verdicts = {(check["subject"], check["name"]): check["verdict"] for check in ran.json["checks"]}
    assert set(verdicts.values()) == {"ok"}
    for service in ("backend-orchestrator", "orchestrator-worker"):
        assert {name for subject, name in verdicts if subject == service} == {
            *("starts", "runs as", "privileges", "root file system", "stops")
        }
    assert containers_of(fresh.project) == []


def test_what_is_wrong_with_an_image_is_found_and_told(fresh: Platform, bad_image: str) -> None:
    Path(fresh.environ["OPTIMUS_SECRETS_FILE"]).write_text(f"REDIS_PASSWORD={SECRET}\n")
    reports = fresh.folder / "reports"
    ran = fresh.invoke("images.smoke", "ai-engine", "--report", str(reports), AI_ENGINE_IMAGE=bad_image)
    assert ran.code == 1
    assert SECRET not in ran.text
    report = json.loads((reports / "images-smoke.json").read_text())
    failed = {check["name"]: check["found"] for check in report["checks"] if check["verdict"] == "failed"}
    assert failed.keys() == {"user", "compilers", "caches", "secret values", "starts"}
    assert "/usr/bin/gcc (layer " in failed["compilers"]
    assert "REDIS_PASSWORD in /opt/app/settings.py (layer " in failed["secret values"]
    assert failed["starts"] == "ended with 3; it wrote: no module named ai_engine"
    assert len(report["findings"]) == len(failed)
    assert containers_of(fresh.project) == []


def test_an_interrupted_trial_leaves_nothing(fresh: Platform) -> None:
    ran = fresh.interrupted("starting ai-engine", signal.SIGTERM, "images.smoke", "ai-engine")
    assert ran.code == 143
    assert "Traceback" not in ran.text
    assert containers_of(fresh.project) == []


def test_the_packages_of_an_image_are_listed_the_same_each_time(fresh: Platform) -> None:
    texts = []
    for folder in ("first", "second"):
        ran = fresh.invoke("images.sbom", "ai-engine", "--output", str(fresh.folder / folder), "--json").check()
        texts.append((fresh.folder / folder / "ai-engine.cdx.json").read_bytes())
    assert texts[0] == texts[1]
    (found,) = ran.json["documents"]
    components = {part["name"]: part for part in json.loads(texts[0])["components"]}
    assert found["packages"].keys() >= {"deb", "pypi"}
    assert components["httptools"]["purl"].startswith("pkg:pypi/httptools@")
    assert components["httptools"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert components["zlib1g"]["purl"].startswith("pkg:deb/debian/zlib1g@")


def test_an_image_is_pushed_and_can_be_pulled_by_its_digest(fresh: Platform) -> None:
    outputs = fresh.folder / "outputs"
    client = docker.from_env()
    with running_registry() as registry:
        words = ("images.push", "ai-engine", "--registry", f"{registry.address}/Acme", "--tag", "main", "--tag", "1.4")
        ran = fresh.invoke(*words, "--json", GITHUB_OUTPUT=str(outputs)).check()
        (pushed,) = ran.json["state"]
        assert pushed["name"] == f"{registry.address}/acme/ai-engine"
        assert {("acme/ai-engine", key) for key in ("main", "1.4", pushed["digest"])} == registry.manifests.keys()
        lines = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        assert (lines["name"], lines["digest"]) == (pushed["name"], pushed["digest"])
        names = [name for image in client.images.list() for name in image.tags]
        assert [name for name in names if name.startswith(registry.address)] == []
        pulled = client.images.pull(f"{pushed['name']}@{pushed['digest']}")
        assert pulled.id == client.images.get(local_image("ai-engine")).id
    # Its name by digest, which is all that the pull added.
    client.api.remove_image(f"{pushed['name']}@{pushed['digest']}")


def test_what_can_not_be_pushed_is_told(fresh: Platform, bad_image: str) -> None:
    dead = ("images.push", "ai-engine", "--registry", "127.0.0.1:1/acme")
    ran = fresh.invoke(*dead)
    assert ran.code == 1
    assert "could not be pushed" in ran.text
    assert "docker login 127.0.0.1:1" in ran.text
    missing = fresh.invoke(*dead, AI_ENGINE_IMAGE=f"{NAME}/ai-engine:missing")
    assert (missing.code, "invoke images.build ai-engine" in missing.text) == (2, True)
    # The label of its sources comes with the base: what it was made of otherwise, nobody can tell.
    planned = fresh.invoke(*dead, "--plan", "--json", AI_ENGINE_IMAGE=bad_image).check()
    assert [step["step"] for step in planned.json["plan"]["steps"]] == ["push"]
