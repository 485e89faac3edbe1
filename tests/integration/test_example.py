"""The example of another repository: its workflow runs here, made of the actions of this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

pytestmark = pytest.mark.integration


def test_the_workflow_of_the_example_runs(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(CHECKOUT / "docs" / "examples" / "shop", root)
    compose = root / "compose" / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("name: shop", f"name: optimus-it-{os.getpid()}-shop"))
    images = CHECKOUT / "compose" / ".env"
    if images.exists():
        shutil.copy(images, compose.with_name(".env"))
    git = ["git", "-C", str(root), "-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "shop"]):
        subprocess.run([*git, *words], check=True)
    command = [str(Path(sys.executable).with_name("invoke")), "ci.run", "shop", "--json"]
    environ = {**os.environ, "OPTIMUS_STATE_DIR": ".optimus"}
    done = subprocess.run(
        [*command, "--replace", f"optimus-ops/optimus-ops={CHECKOUT}"],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [job["result"] for job in json.loads(done.stdout)["jobs"]] == ["success"]
    left = ["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project=optimus-it-{os.getpid()}-shop"]
    assert subprocess.run(left, capture_output=True, text=True, check=True).stdout == ""
