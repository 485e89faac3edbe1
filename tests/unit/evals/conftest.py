"""A project with prompts, a suite, and a model that is a program, evaluated as the task evaluates it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.task_outcome import TaskOutcome

from optimus_ops.evals.command import llm_eval
from optimus_ops.evals.request import EvalRequest

GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
# It says what its instructions say to say.
MODEL = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        messages = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        text = messages[0]["content"].partition("Say ")[2].strip() + " to " + messages[-1]["content"]
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
EVALS = """
import sys
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint
from optimus_ops.secrets.value import Secret
def load_platform(root, secrets):
    return EvalPlatform(
        root / "suites", root / "prompts", (sys.executable, "-m", "optimus_kit.prompts"),
        {
            "program": ModelEndpoint(
                "m", program=(sys.executable, str(root / "model.py"), "{port}"), deterministic=True
            ),
            "broken": ModelEndpoint("m", program=(sys.executable, "-c", "raise SystemExit('no such weights')")),
            "recorded": ModelEndpoint("m", "http://127.0.0.1:1/v1", recording=root / "recorded.jsonl"),
            "far": ModelEndpoint("m", "http://models.example.com/v1", keys={"": Secret("k")}),
        },
    )
"""
SUITE = """
summary: Greetings.
defaults: {prompt: greet, variables: {name: Ada}}
cases:
  - id: morning
    reason: the first one
    ask: the morning
    assert: [{contains: hello}]
  - id: evening
    reason: the other one
    ask: the evening
    assert: [{contains: hello}, {not-contains: CANARY, invariant: true}]
"""
FILES = {
    "pyproject.toml": '[tool.optimus-ops]\nname = "shop"\nevals = "shop_evals"\n',
    "compose/docker-compose.yml": "services: {}\n",
    "tasks.py": "",
    "shop_evals.py": EVALS,
    "model.py": MODEL,
    "suites/greetings.yaml": SUITE,
    "prompts/greet/prompt.yaml": "summary: Greets.\ndefault-locale: en\nvariables: {name: {type: text}}\n",
    "prompts/greet/en.md": "You talk to {{name}}. Say hello\n",
}


@dataclass(frozen=True)
class Shop:
    """A project in a git checkout, its present state being that of main."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> Path:
        """Write a file of it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def evaluate(self, *, json_wanted: bool = True, **flags: Any) -> TaskOutcome:
        """Run the task."""
        request = EvalRequest(**flags)
        return TaskOutcome.of(lambda: llm_eval(request, json=json_wanted), self.capsys, as_json=json_wanted)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a project."""
    root = tmp_path / "shop"
    made = Shop(root, capsys)
    for name, text in FILES.items():
        made.write(name, text)
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "a"),
    ):
        subprocess.run([*GIT, *words], cwd=root, check=True, capture_output=True)
    monkeypatch.setenv("OPTIMUS_ROOT", str(root))
    monkeypatch.syspath_prepend(root)
    monkeypatch.delitem(__import__("sys").modules, "shop_evals", raising=False)
    return made
