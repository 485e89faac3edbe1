"""A release from a clean clone: built, installed in empty environments, run on the example project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

pytestmark = pytest.mark.integration


def test_wheel_and_sdist_of_a_clean_clone_install_and_run(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(root)], check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    for task in ("release.build", "release.try"):
        command = [str(Path(sys.executable).with_name("invoke")), task, "--json"]
        done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        checks = json.loads(done.stdout)["checks"]
        assert {check["subject"] for check in checks} == {"wheel", "sdist"}
        assert {check["verdict"] for check in checks} <= {"ok", "warning"}
    assert {"invoke --list", "invoke scale --web 2 --plan"} <= {check["name"] for check in checks}
