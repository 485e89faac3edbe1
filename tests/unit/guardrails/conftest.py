"""A checkout of git with a policy, judged as the tasks judge it."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.task_outcome import TaskOutcome

from optimus_ops.guardrails.check import CheckRequest, check
from optimus_ops.guardrails.validate_diff import validate_diff

GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")

POLICY = """
version: 1
sources: [src]
rules:
  - id: layers
    kind: layers
    message: imports point downwards
    why: so that what is below can do without
    mend: move it down
    container: shop
    layers: [web, store]
  - id: no-sockets-in-store
    kind: forbidden-imports
    message: a store opens no sockets
    why: it is handed a connection
    mend: hand one in
    from: shop.store
    to: socket
  - id: no-prints
    kind: calls
    message: nothing prints
    why: logs are JSON
    mend: log
    files: [src/**/*.py]
    calls: print
"""
FILES = {
    "policy.yaml": POLICY,
    "src/shop/__init__.py": "",
    "src/shop/web.py": "from shop import store\n\n\ndef show():\n    return store.read()\n",
    "src/shop/store.py": "import shop_tools\n\n\ndef read():\n    return 1\n",
    "src/shop_tools.py": "VALUE = 1\n",
}


class Outcome(TaskOutcome):
    """How a task of guardrails ended."""

    @property
    def found(self) -> list[tuple[str, str, int]]:
        return [(each["rule"], each["file"], each["line"]) for each in self.document["violations"]]


@dataclass(frozen=True)
class Checkout:
    """A checkout of git."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    stdin: list[bytes] = field(default_factory=list)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def git(self, *words: str) -> bytes:
        return subprocess.run([*GIT, *words], cwd=self.root, check=True, capture_output=True).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")

    def check(
        self,
        *,
        base: str = "",
        head: str = "",
        everything: bool = False,
        as_json: bool = True,
        report: str = "",
        author: str = "",
    ) -> Outcome:
        request = CheckRequest(base, head, everything, as_json, report, author)
        return Outcome.of(lambda: check(request), self.capsys, as_json=as_json)

    def validate(self, diff: bytes, author: str = "") -> Outcome:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(diff)))
        return Outcome.of(lambda: validate_diff(as_json=True, report="", author=author), self.capsys)


@pytest.fixture
def checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a checkout whose main keeps its policy, on a branch of its own."""
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setenv("OPTIMUS_ROOT", str(root))
    made = Checkout(root, capsys, monkeypatch)
    made.git("init", "--quiet", "--initial-branch=main")
    for name, text in FILES.items():
        made.write(name, text)
    made.write(".gitignore", ".optimus/\n")
    made.commit()
    made.git("switch", "--quiet", "--create", "change")
    return made
