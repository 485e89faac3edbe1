"""Building, with an engine in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes.compose import FakeCompose
from tests.fakes.engine import FakeEngine

from optimus_ops.engine.pins import Pins
from optimus_ops.images.building import build
from optimus_ops.project.settings import load_project


def test_a_build_names_the_image_as_the_files_do_and_logs_to_the_state_folder(tmp_path: Path) -> None:
    root, state = tmp_path / "checkout", tmp_path / "state"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM alpine:3\n")
    model: dict[str, Any] = {
        "name": "shop",
        "services": {"web": {"image": "shop/web:local", "build": {"context": str(root)}}},
    }
    engine = FakeEngine()
    project = load_project(root, {"COMPOSE_PROJECT_NAME": "shop", "OPTIMUS_STATE_DIR": str(state)})
    compose = FakeCompose(project, (), Pins({"web": "shop/web:1.4"}), engine=engine, model=model)

    assert build(compose, engine, ["web"], lambda _text: None) == ("shop/web:local",)

    assert engine.image("shop/web:local") is not None
    assert [path.parent for path in state.rglob("*.log")] == [state / "logs"]
    assert sorted(path.name for path in root.iterdir()) == ["Dockerfile"]
