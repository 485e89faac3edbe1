"""A run that is interrupted, ended or killed: what was answered is kept, and nothing is asked twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.evals.conftest import Shop

INVOKE = (sys.executable, "-c", "from optimus_ops.commandline.program import main; main()")
CASES = 8
BEFORE = 3
"""Answers that are given before the run is interrupted."""
SECONDS = 60.0


@dataclass
class HeldModel:
    """Answers at once, but for one request: that one waits."""

    port: int = 0
    held: int = BEFORE + 1
    asked: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: str) -> str:
        self.asked.append(asked)
        if len(self.asked) == self.held:
            self.reached.set()
            self.released.wait(SECONDS)
        return f"hello to {asked}"


@contextmanager
def served(model: HeldModel) -> Iterator[HeldModel]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
            body = json.dumps({"choices": [{"message": {"content": model.answer(asked)}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        model.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield model
        finally:
            model.released.set()
            server.shutdown()


def started(shop: Shop, port: int, report: Path) -> subprocess.Popen[str]:
    """Start the task on a model at a port, which the project says is a paid one."""
    case = {"reason": "because", "assert": [{"contains": "hello"}]}
    lines = [json.dumps({**case, "id": f"case-{number}", "ask": f"ask {number}"}) for number in range(CASES)]
    shop.write("suites/asked.jsonl", "\n".join(lines))
    evals = (shop.root / "shop_evals.py").read_text().replace("http://127.0.0.1:1/v1", f"http://127.0.0.1:{port}/v1")
    shop.write("shop_evals.py", evals.replace(', recording=root / "recorded.jsonl"', ""))
    shop.write("tasks.py", "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    words = ["llm-eval", "--suite", "asked", "--model", "recorded", "--workers", "1", "--report", str(report)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [*INVOKE, *words], cwd=shop.root, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def asked_again(shop: Shop, model: HeldModel, report: Path) -> list[str]:
    """Run to the end, and return what was asked for that."""
    model.asked.clear()
    model.held = 0
    process = started(shop, model.port, report)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    (found,) = json.loads((report / "llm-eval.json").read_text())["suites"]
    assert [case["candidate"][0]["scores"] for case in found["cases"]] == [{"correct": 1.0}] * CASES
    return model.asked


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_waits_for_what_is_paid_and_reports_what_is_there(
    shop: Shop, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with served(HeldModel()) as model:
        process = started(shop, model.port, tmp_path / "first")
        assert model.reached.wait(SECONDS)
        process.send_signal(number)
        # It is answered after the signal only.
        threading.Timer(0.5, model.released.set).start()
        output, _ = process.communicate(timeout=SECONDS)

        assert process.returncode == code, output
        assert "Traceback" not in output
        document = json.loads((tmp_path / "first" / "llm-eval.json").read_text())
        assert (document["interrupted"], document["asked"]) == (True, BEFORE + 1)
        assert document["suites"][0]["cases"][-1]["candidate"] == [{"error": "not asked: the run was interrupted"}]

        assert asked_again(shop, model, tmp_path / "second") == [f"ask {left}" for left in range(BEFORE + 1, CASES)]


def test_a_killed_run_loses_only_what_was_under_way(shop: Shop, tmp_path: Path) -> None:
    with served(HeldModel()) as model:
        process = started(shop, model.port, tmp_path / "first")
        assert model.reached.wait(SECONDS)
        process.kill()
        process.communicate(timeout=SECONDS)

        assert asked_again(shop, model, tmp_path / "second") == [f"ask {left}" for left in range(BEFORE, CASES)]


def test_a_second_signal_ends_at_once(shop: Shop, tmp_path: Path) -> None:
    with served(HeldModel()) as model:
        process = started(shop, model.port, tmp_path / "first")
        assert model.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        while "interrupted" not in (process.stdout.readline() or "interrupted"):
            pass
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 130, output
    assert not (tmp_path / "first" / "llm-eval.json").exists()
