from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimus_ops.errors import Refused
from optimus_ops.images.building import build_environ, choose, override_of
from optimus_ops.images.model import builds, public_images


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


def test_images_from_elsewhere_are_those_that_run_and_those_that_builds_start_from(document: dict[str, Any]) -> None:
    assert public_images(document) == ("redis:8.0-alpine", "python:3.13-slim")
    assert public_images(document, ["worker"]) == ("python:3.13-slim",)


def test_a_build_is_outdated_by_its_files_and_by_its_base(document: dict[str, Any], tmp_path: Path) -> None:
    build = builds(document)[0]
    before = build.source(lambda _: "sha256:1")
    assert build.source(lambda _: "sha256:1") == before
    assert build.source(lambda _: "sha256:2") != before
    (tmp_path / "app.py").write_text("print(2)\n")
    assert build.source(lambda _: "sha256:1") != before


def test_a_missing_dockerfile_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").unlink()
    with pytest.raises(Refused, match="can't be read"):
        public_images(document)


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
