"""What `invoke llm-eval` takes beside the time of the model: for each case, for kept answers, and until it asks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.ci import processor_seconds, seconds_of
from benchmarks.figures import interleave, median_difference
from benchmarks.platform_under_test import ROOT, inherited_environ
from benchmarks.section import Blocks, paragraph, samples
from benchmarks.startup import list_seconds
from optimus_ops.reports.measurement import Objective, format_number

FEW, MANY, KEPT = 200, 2_200, 10_000
MODEL_SECONDS = 0.005
"""What the model takes for an answer."""
MILLISECONDS = 1000.0
TASKS = "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n"
EVALS = """
import sys
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint
def load_platform(root, secrets):
    return EvalPlatform(
        root / "suites", root / "prompts", (sys.executable, "-m", "optimus_kit.prompts"),
        {"scripted": ModelEndpoint("scripted", "http://127.0.0.1:PORT/v1", prices=(1.0, 1.0))},
    )
"""
FILES = {
    "pyproject.toml": '[tool.optimus-ops]\nname = "measured"\nevals = "measured_evals"\n',
    "compose/docker-compose.yml": "services: {}\n",
    "tasks.py": TASKS,
    "prompts/greet/prompt.yaml": "summary: Greets.\ndefault-locale: en\nvariables: {name: {type: text}}\n",
    "prompts/greet/en.md": "You talk to {{name}}. Say hello.\n" + "- Be short, and say what is asked for.\n" * 40,
}
NOTE = paragraph(
    "A project with one prompt and one suite in JSONL, whose cases have two assertions; the model is an endpoint over "
    f"HTTP that takes {MODEL_SECONDS * MILLISECONDS:g} ms and has a processor time of its own. A case's share is the "
    f"difference of runs with {MANY:,} and {FEW:,} cases by the cases between: reading, rendering, asking eight at "
    "once, keeping, judging and the table at the end are all in it; a page (`--report`) is not. Kept answers are "
    "judged by a run that asks nothing. Processor time is that of `invoke` and all that it starts."
)


@dataclass
class FirstRequest:
    """When the model was asked first, and what the process `process` and its children had taken by then, in s."""

    process: int = 0
    at: float = 0.0
    processor: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self) -> None:
        """Take the times at the first request."""
        with self.lock:
            if self.process and not self.at:
                self.at = time.perf_counter()
                ticks = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[11:15]
                self.processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def measure(pairs: int) -> Blocks:
    """Measure all three, in turn with what they are compared with."""
    first = FirstRequest()
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder, _model(first) as port:
        root, empty = Path(folder) / "project", Path(folder) / "empty"
        empty.mkdir()
        (empty / "tasks.py").touch()
        _make_project(root, port)
        ways = (lambda: _empty(empty), lambda: _until_first(root, first))
        empties, started = (found[1:] for found in interleave(ways, pairs + 1))
        counts = (lambda: _evaluated(root, FEW), lambda: _evaluated(root, MANY))
        few, many = interleave(counts, max(pairs // 3, 1))
        _evaluated(root, KEPT)
        kept = [_evaluated(root, KEPT, forget=False) for _ in range(max(pairs // 3, 1))]
    each = [(more[0] - less[0]) / (MANY - FEW) for more, less in zip(many, few, strict=True)]
    bare = [own for own, _ in empties]
    waited = [seconds for _, seconds in started]
    processor = [own for own, _ in started]
    basis = f"{len(started)} runs"
    over = f"processor time, {len(bare)} pairs; medians {format_number(median(processor), 's')} and " + format_number(
        median(bare), "s"
    )
    return (
        Objective(
            "A case beside the model's own time", "under", 1.0, median(each) * MILLISECONDS, "ms",
            f"processor time, {len(each)} pairs of {MANY:,} and {FEW:,} cases",
        ),
        Objective(
            f"{KEPT:,} cases judged by kept answers", "under", 5.0, median(seconds for _, seconds in kept), "s",
            f"the whole command, {len(kept)} runs; processor time {format_number(median(own for own, _ in kept), 's')}",
        ),
        Objective("Start to the first case", "under", 1.0, median(waited), "s", basis),
        Objective(
            "Start to the first case, over an empty tasks.py", "under", 1.0, median_difference(processor, bare), "s",
            over,
        ),
        NOTE,
        samples({"a case": each, "start to the first case": waited, "its processor time": processor, "empty": bare}),
    )  # fmt: skip


@contextmanager
def _model(first: FirstRequest) -> Iterator[int]:
    """Give the port of a model; its processor time is this process's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            first.note()
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(MODEL_SECONDS)
            body = json.dumps({"choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 9}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _make_project(root: Path, port: int) -> None:
    for name, text in {**FILES, "measured_evals.py": EVALS.replace("PORT", str(port))}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    (root / "suites").mkdir()
    for count in (1, FEW, MANY, KEPT):
        (root / "suites" / f"of-{count}.jsonl").write_text(_suite(count), "utf-8")


def _suite(count: int) -> str:
    shared = {
        "prompt": "greet",
        "variables": {"name": "Ada"},
        "assert": [{"not-contains": "CANARY-7", "invariant": True}],
    }
    cases = (
        {"id": f"case-{number}", "reason": "measured", "ask": f"Question {number}", "assert": [{"contains": "hello"}]}
        for number in range(count)
    )
    return "".join(f"{json.dumps(each)}\n" for each in ({"summary": "Measured.", "defaults": shared}, *cases))


def _words(count: int) -> tuple[str, ...]:
    return "llm-eval", "--suite", f"of-{count}"


def _forget(root: Path) -> None:
    shutil.rmtree(root / ".optimus" / "evals", ignore_errors=True)


def _empty(root: Path) -> tuple[float, float]:
    """Return the processor time of Invoke without tasks, and its seconds."""
    taken: list[float] = []
    return processor_seconds(lambda: taken.append(list_seconds(ROOT, root, code=1))), taken[0]


def _until_first(root: Path, first: FirstRequest) -> tuple[float, float]:
    """Return the processor time of a run until its first request, and the seconds."""
    _forget(root)
    first.at, started = 0.0, time.perf_counter()
    command = [str(ROOT / ".venv" / "bin" / "invoke"), *_words(1)]
    environ = {name: value for name, value in inherited_environ().items() if not name.startswith("OPTIMUS_")}
    with subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        first.process = process.pid
        _, words = process.communicate(timeout=60)
    first.process = 0
    if process.returncode or not first.at:
        raise RuntimeError(f"llm-eval ended with {process.returncode}: {words.decode(errors='replace')}")
    return first.processor, first.at - started


def _evaluated(root: Path, count: int, *, forget: bool = True) -> tuple[float, float]:
    """Return the processor time of a run, and its seconds."""
    if forget:
        _forget(root)
    taken: list[float] = []
    own = processor_seconds(lambda: taken.append(seconds_of(root, *_words(count))))
    return own, taken[0]
