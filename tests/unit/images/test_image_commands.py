"""`invoke images.list`, `images.sbom` and `images.push` of a project with one image that is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine
from tests.unit.images.test_sbom import DOCUMENT, program

from optimus_ops.change.options import ChangeOptions
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.images import commands, push, sbom
from optimus_ops.images.commands import print_images
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.model import builds
from optimus_ops.images.push import PushRequest, push_images
from optimus_ops.images.sbom import SbomRequest, write_sboms
from optimus_ops.project.settings import load_project

REGISTRY = "ghcr.io/acme"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Return the engine of a project with a service that is built, and one that is not; nothing is there yet."""
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\n")
    model = {
        "name": "shop",
        "services": {
            "web": {"build": {"context": str(tmp_path), "dockerfile": "Dockerfile"}, "image": "shop/web:local"},
            "store": {"image": "redis:8"},
        },
    }
    made = FakeEngine()
    compose = FakeCompose(load_project(tmp_path, {}), (), engine=made, model=model)
    monkeypatch.setattr(DockerEngine, "connect", lambda: made)
    for module in (commands, push, sbom):
        monkeypatch.setattr(module, "compose_of", lambda _overlays: compose)
    return made


def build(engine: FakeEngine, tmp_path: Path, *, current: bool = True) -> None:
    document: dict[str, Any] = {
        "services": {
            "web": {"build": {"context": str(tmp_path), "dockerfile": "Dockerfile"}, "image": "shop/web:local"}
        }
    }
    source = builds(document)[0].source(engine) if current else "another"
    engine.add_image("shop/web:local", labels={LABEL: source}, size=300_000_000, created="2026-11-28T19:31:01Z")


Listed = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> Listed:
    def rows() -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        print_images((), json=True)
        return {row["image"]: row for row in json.loads(capsys.readouterr().out)}

    return rows


def test_images_are_listed_as_missing_outdated_and_current(
    engine: FakeEngine, tmp_path: Path, listed: Listed, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed()
    assert (found["shop/web:local"]["id"], found["redis:8"]["id"]) == (None, None)
    build(engine, tmp_path, current=False)
    engine.add_image("redis:8", size=40_000_000)
    found = listed()
    assert (found["shop/web:local"]["current"], found["redis:8"]["current"]) == (False, None)
    build(engine, tmp_path)
    print_images((), json=False)
    text = capsys.readouterr().out
    assert "300 MB" in text
    assert "current" in text


def test_a_missing_image_is_refused_with_the_command_that_builds_it(engine: FakeEngine) -> None:
    assert not engine.known_images
    with pytest.raises(Refused, match="there is no image shop/web:local") as refused:
        push_images(PushRequest(REGISTRY), ChangeOptions())
    assert refused.value.hint == "invoke images.build web"


def test_a_pushed_image_is_told_with_its_digest(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(engine, tmp_path)
    push_images(PushRequest(REGISTRY, tags=("main",)), ChangeOptions())
    [(name, digest)] = engine.registry.items()
    assert name.endswith(":main")
    assert f"web: {name.removesuffix(':main')}@{digest}" in capsys.readouterr().out
    assert engine.images([name]) == {}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_document_is_written_for_each_image(
    engine: FakeEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    build(engine, tmp_path)
    syft = program(tmp_path, json.dumps(DOCUMENT))
    monkeypatch.setattr(sbom, "syft", lambda: syft)
    write_sboms(SbomRequest((), tmp_path / "sboms", json=as_json))
    shown, file = capsys.readouterr().out, tmp_path / "sboms/web.cdx.json"
    assert json.loads(file.read_text())["bomFormat"] == "CycloneDX"
    if as_json:
        assert [document["path"] for document in json.loads(shown)["documents"]] == [str(file)]
    else:
        assert f"wrote {file}: 2 packages; 1 package without a licence in the image" in shown


def test_a_folder_that_can_not_be_written_to_is_named(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(engine, tmp_path)
    monkeypatch.setattr(sbom, "syft", lambda: "syft")
    (tmp_path / "file").touch()
    with pytest.raises(OpsError, match="file"):
        write_sboms(SbomRequest((), tmp_path / "file"))
