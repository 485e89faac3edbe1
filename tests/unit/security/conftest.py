"""A repository that is made for a test, with what scanners are to find."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.task_outcome import TaskOutcome

from optimus_ops.security.scan import scan
from optimus_ops.security.scan_request import ScanRequest

GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")

# Made of parts, so that no scanner finds them here.
AWS_KEY = "AKIA" + "Z4RN7QX2LWPT5YHB"
OTHER_AWS_KEY = "AKIA" + "Q3VJ6MD4SKEU7CGF"


class Outcome(TaskOutcome):
    """How a scan ended."""

    @property
    def rules(self) -> list[str]:
        return [found["rule"] for found in self.document["findings"]]

    def scanner(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(found for found in self.document["scanners"] if found["name"] == name)
        return found


@dataclass(frozen=True)
class Repository:
    """A checkout of git."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def git(self, *words: str) -> str:
        return subprocess.run([*GIT, *words], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, name: str, text: str) -> str:
        self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)
        return self.git("rev-parse", "HEAD").strip()

    def scan(self, *only: str, fail_on: str = "medium", report: str = "", offline: bool = False) -> Outcome:
        request = ScanRequest(only, fail_on, offline, json=True, report=report)
        return Outcome.of(lambda: scan(request), self.capsys)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setenv("OPTIMUS_ROOT", str(root))
    made = Repository(root, capsys)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("README", "a repository\n")
    return made
