from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine

from optimus_ops.errors import Refused
from optimus_ops.images.building import build_environ, choose, override_of
from optimus_ops.images.listing import list_images
from optimus_ops.images.model import builds
from optimus_ops.model.stack import Stack
from optimus_ops.project.settings import load_project


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "Dockerfile").write_text(
        "ARG PYTHON_IMAGE=python:3.12-slim\nFROM ${PYTHON_IMAGE}\nCOPY app.py /app.py\n"
    )
    (tmp_path / "app.py").write_text("print(1)\n")
    build = {"context": str(tmp_path), "dockerfile": "Dockerfile", "args": {"PYTHON_IMAGE": "python:3.13-slim"}}
    return {
        "name": "shop",
        "services": {
            "web": {"image": "shop/web:local", "build": build},
            "worker": {"image": "shop/web:local"},
            "tool": {"build": build},
            "cache": {"image": "redis:8.0-alpine"},
        },
    }


def test_services_that_share_an_image_are_one_build(document: dict[str, Any]) -> None:
    assert [(one.service, one.image) for one in builds(document)] == [("web", "shop/web:local"), ("tool", "shop-tool")]
    assert [one.image for one in choose(document, ["worker", "web"])] == ["shop/web:local"]
    assert [one.service for one in choose(document, [])] == ["web", "tool"]


@pytest.mark.parametrize(("service", "wrong"), [("cache", "is not built here"), ("nobody", "is unknown")])
def test_a_service_that_can_not_be_built_is_refused(document: dict[str, Any], service: str, wrong: str) -> None:
    with pytest.raises(Refused, match=wrong):
        choose(document, [service])


def stack_of(document: dict[str, Any]) -> Stack:
    root = Path(document["services"]["web"]["build"]["context"])
    return FakeCompose(load_project(root, {}), ()).stack_of(document)


def test_images_from_elsewhere_are_those_that_run_and_those_that_builds_start_from(document: dict[str, Any]) -> None:
    assert stack_of(document).public_images == ("redis:8.0-alpine", "python:3.13-slim")
    assert stack_of(document).public_images_of(["worker"]) == ("python:3.13-slim",)


def test_scaling_knows_the_base_image_that_only_a_dockerfile_names(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:20 AS build\nFROM build\n")
    document["services"]["web"]["build"] = {"context": str(tmp_path)}
    document["services"]["tool"]["build"] = {"context": "/nowhere", "dockerfile_inline": "FROM alpine:3"}
    assert stack_of(document).public_images == ("redis:8.0-alpine", "node:20", "alpine:3")


def test_a_build_is_outdated_by_its_files_and_by_its_base(document: dict[str, Any], tmp_path: Path) -> None:
    build = builds(document)[0]
    engine, newer = FakeEngine(), FakeEngine()
    for asked, base in ((engine, "sha256:1"), (newer, "sha256:2")):
        asked.add_image("python:3.13-slim", base)
    before = build.source(engine)
    assert build.source(engine) == before
    assert build.source(newer) != before
    (tmp_path / "app.py").write_text("print(2)\n")
    assert build.source(engine) != before


def test_a_dockerfile_in_the_compose_file_is_part_of_the_content(document: dict[str, Any], tmp_path: Path) -> None:
    text = "FROM python:3.13-slim\nCOPY app.py /\n"
    engine, raw = FakeEngine(), {"context": str(tmp_path), "dockerfile_inline": text}
    (tmp_path / "Dockerfile").unlink()

    def source() -> str:
        document["services"]["web"]["build"] = raw
        return builds(document)[0].source(engine)

    before = source()
    assert builds(document)[0].inputs().images == ("python:3.13-slim",)
    raw["dockerfile_inline"] = f"{text}USER nobody\n"
    assert source() != before
    raw["dockerfile_inline"] = text
    assert source() == before
    (tmp_path / "app.py").write_text("print(2)\n")
    assert source() != before


def test_a_dockerfile_may_be_outside_of_the_context(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    document["services"]["web"]["build"] = {
        "context": str(tmp_path / "context"),
        "dockerfile": str(tmp_path / "Dockerfile"),
    }
    [build, *_], engine = builds(document), FakeEngine()
    before = build.source(engine)
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nUSER nobody\n")
    assert build.source(engine) != before


@pytest.mark.parametrize(
    ("service", "follows"),
    [
        ({"image": "shop/web:local"}, True),
        ({}, True),
        ({"image": "shop/web:1.4", "pull_policy": "build"}, True),
        ({"image": "shop/web:1.4"}, False),
    ],
)
def test_only_an_image_that_follows_the_checkout_is_current_or_outdated(
    document: dict[str, Any], service: dict[str, str], follows: bool
) -> None:
    document["services"] = {"web": {"build": document["services"]["web"]["build"], **service}}
    engine = FakeEngine()
    engine.add_image(service.get("image", "shop-web"), "sha256:1")
    (row,) = list_images(engine, document)
    assert row.current is (False if follows else None)


def test_a_missing_dockerfile_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").unlink()
    with pytest.raises(Refused, match="can't be read"):
        builds(document)[0].source(FakeEngine())


def test_the_override_adds_labels_and_secrets_and_nothing_else() -> None:
    assert override_of({"web": "abc"}, {"ca_bundle": Path("/ca.pem")}) == {
        "services": {"web": {"build": {"labels": {"com.optimus.source": "abc"}}}},
        "secrets": {"ca_bundle": {"file": "/ca.pem"}},
    }


def test_an_image_with_a_name_of_its_own_is_the_same_under_any_project_name(document: dict[str, Any]) -> None:
    environ = {"COMPOSE_PROJECT_NAME": "other", "PATH": "/bin"}
    named, unnamed = (build_environ(document, choose(document, [name]), environ) for name in ("web", "tool"))
    assert "COMPOSE_PROJECT_NAME" not in named
    assert unnamed["COMPOSE_PROJECT_NAME"] == "other"
    assert named["PATH"] == "/bin"
