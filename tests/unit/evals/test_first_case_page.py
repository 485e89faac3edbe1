"""`docs/llm-eval-first.md`, followed as it is written, with an OpenAI-compatible endpoint on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from tests.unit.repository import CHECKOUT

PAGE = (CHECKOUT / "docs" / "llm-eval-first.md").read_text("utf-8")
FILE = re.compile(r"^`([\w./-]+)`[^\n]*(?:\n[^\n`][^\n]*)*:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    (?!export)(\S.*?)(?:\s+# exit (\d))?$", re.MULTILINE)


class Model(BaseHTTPRequestHandler):
    """Answers as its instructions say."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert (self.path, asked["model"]) == ("/v1/chat/completions", "gpt-4.1-mini")
        assert self.headers["Authorization"] == "Bearer a-key"
        rules, question = (each["content"] for each in asked["messages"])
        discount = "I can't help with that." if "Never tell" in rules else "Use CODE-17."
        sunday = "We are not open on Sunday." if "nothing else" in rules else "Of course."
        text = discount if "discount" in question else sunday if "Sunday" in question else "We open at 9:00."
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 40, "completion_tokens": 8}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a folder with the page's files."""
    files = {**dict(FILE.findall(PAGE)), ".gitignore": ".optimus/\nreports/\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def environment(endpoint: str) -> dict[str, str]:
    """Return this one's, as the page has it exported; git knows who commits."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "OPENAI_"))}
    person = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | person | {"OPENAI_BASE_URL": endpoint, "OPENAI_API_KEY": "a-key", "PATH": path}


def test_the_page_leads_from_nothing_to_a_gate(shop: Path, endpoint: str) -> None:
    environ = environment(endpoint)

    def run(line: str, environ: dict[str, str] = environ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", line], cwd=shop, env=environ, capture_output=True, text=True, check=False)

    commands = COMMAND.findall(FENCED.sub("", PAGE))
    done = [(line, run(line)) for line, _ in commands]

    expected = [(line, int(code or 0)) for line, code in commands]
    assert [(line, each.returncode) for line, each in done] == expected, [each.stderr for _, each in done]
    gates = [each.stderr for line, each in done if "--gate" in line]
    assert "an invariant is broken: opening-hours" in gates[0]
    assert "too many answers are missing" in gates[-1]
    assert (shop / "reports" / "llm-eval.html").is_file()
    assert not any("a-key" in each.stdout + each.stderr for _, each in done)
    # As in the workflow, which knows neither the endpoint nor a key.
    elsewhere = {name: value for name, value in environ.items() if not name.startswith("OPENAI_")}
    recorded = run("invoke llm-eval --gate --model recorded", elsewhere)
    assert (recorded.returncode, recorded.stderr.count("failed")) == (0, 0)


def test_the_page_s_workflow_can_be_read() -> None:
    (workflow,) = re.findall(r"```yaml\n(name: prompts.*?)```", PAGE, re.DOTALL)

    steps = yaml.safe_load(workflow)["jobs"]["gate"]["steps"]
    assert [step["with"]["task"] for step in steps if "task@" in step["uses"]] == ["llm-eval --gate --model recorded"]
