"""`invoke llm-eval --gate` in a clean clone of this repository, as a user types it: offline, without keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT

PROMPT = Path("config", "prompts", "answer-message", "pt-BR.md")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    git = ("git", "-c", f"safe.directory={CHECKOUT}/.git", "-c", f"safe.directory={CHECKOUT}")
    subprocess.run([*git, "clone", "--quiet", str(CHECKOUT), str(root)], check=True)
    return root


def invoke(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a task as a user of the clone does, without what this process's environment says of models."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OPTIMUS_")}
    program = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(program, cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=300)


def test_the_gate_passes_as_committed_and_fails_with_a_worse_prompt(clone: Path) -> None:
    as_committed = invoke(clone, "llm-eval", "--gate", "--baseline", "HEAD")
    assert as_committed.returncode == 0, as_committed.stderr
    assert "PASS" in as_committed.stdout

    text = (clone / PROMPT).read_text("utf-8")
    kept = [line for line in text.splitlines(keepends=True) if "Recuse com educação" not in line]
    (clone / PROMPT).write_text("".join(kept), "utf-8")
    worse = invoke(clone, "llm-eval", "--gate", "--baseline", "HEAD", "--report", "reports")

    assert worse.returncode == 1
    assert "worse than the baseline" in worse.stderr.splitlines()[-1]
    assert "refusals" in worse.stderr.splitlines()[-1]
    assert {path.suffix for path in (clone / "reports").iterdir()} == {".html", ".json", ".md", ".xml"}
