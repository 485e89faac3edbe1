"""What the steps of a local run find on this machine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from optimus_ops.ci.runner import offer_uv


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the uv of an environment that this process runs in."""
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "own", "python")))
    return program(tmp_path / "own", "uv")


def test_steps_find_the_uv_of_this_environment_and_no_other_program_of_it(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shells"
    folder.mkdir()
    offer_uv(folder, "/nowhere")
    found = shutil.which("uv", path=str(folder))
    assert found
    assert Path(found).resolve() == own
    assert [path.name for path in folder.iterdir()] == ["uv"]


@pytest.mark.usefixtures("own")
def test_a_uv_of_the_machine_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "shells"
    folder.mkdir()
    offer_uv(folder, str(program(tmp_path / "machine", "uv").parent))
    assert not list(folder.iterdir())


def test_an_environment_without_uv_offers_none(own: Path, tmp_path: Path) -> None:
    own.unlink()
    offer_uv(tmp_path, "/nowhere")
    assert not (tmp_path / "uv").is_symlink()
