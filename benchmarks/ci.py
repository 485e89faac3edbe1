"""CI on this machine: what `ci.list`, `ci.affected` and `ci.run` take of their own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import interleave, median_difference, ratio_objective
from benchmarks.platform_under_test import ROOT, inherited_environ
from benchmarks.section import Blocks, samples
from benchmarks.startup import list_seconds
from optimus_ops.reports.measurement import Measurement, Objective

CHANGED_FILES = 1000
STEP_SECONDS = 5
STEPS = 3
TASKS = "from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n"
WORKFLOW = f"""\
on: push
jobs:
  work:
    runs-on: ubuntu-24.04
    steps:
{
    "".join(
        f'''      - run: sleep {STEP_SECONDS}
'''
        for _ in range(STEPS)
    )
}"""


def measure(pairs: int) -> Blocks:
    """Measure each task in pairs with what it is compared with."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        empty, changed, small = (Path(folder) / name for name in ("empty", "changed", "small"))
        (empty / "tasks.py").parent.mkdir()
        (empty / "tasks.py").touch()
        make_change(changed)
        make_project(small)
        ways = (lambda: seconds_of(ROOT, "ci.list"), lambda: list_seconds(ROOT, empty, code=1))
        listed, bare = (found[1:] for found in interleave(ways, pairs + 1))
        affected = [seconds_of(changed, "ci.affected", "--base", "start", "--json") for _ in range(pairs + 1)][1:]
        runs = (lambda: seconds_of(small, "ci.run", "work"), lambda: sum(slept() for _ in range(STEPS)))
        whole, steps = interleave(runs, max(pairs // 5, 1))
    over = median_difference(listed, bare)
    name = f"ci.affected on a change of {CHANGED_FILES:,} files"
    median = Measurement.median(name, affected, "s").value
    return (
        Objective("ci.list over an empty tasks.py", "at most", 0.3, over, "s", basis=f"{len(listed)} pairs"),
        Objective(name, "at most", 0.5, median, "s", basis=f"{len(affected)} runs, start of the program included"),
        ratio_objective(f"ci.run of {STEPS} steps of {STEP_SECONDS} s, in times of the steps", 1.1, whole, steps),
        samples({"ci.list": listed, "empty tasks.py": bare, name: affected, "ci.run": whole, "its steps": steps}),
    )


def make_change(root: Path) -> None:
    """Clone this checkout, and change so many Python files of it since the branch `start`."""
    git(ROOT, "clone", "--quiet", "--local", str(ROOT), str(root))
    git(root, "branch", "start")
    known = sorted(path for folder in ("src", "tests") for path in (root / folder).rglob("*.py"))
    kept = [path for path in known if "support" not in path.parts][:CHANGED_FILES]
    for path in kept:
        path.write_text(f"{path.read_text('utf-8')}\n# changed\n", "utf-8")
    for number in range(CHANGED_FILES - len(kept)):
        (root / "tests" / "unit" / f"test_added_{number}.py").write_text("import optimus_ops.errors\n", "utf-8")


def make_project(root: Path) -> None:
    """Make a checkout with one workflow."""
    files = {".github/workflows/work.yml": WORKFLOW, "tasks.py": TASKS, ".gitignore": ".optimus\n"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "commit", "--quiet", "-m", "start")


def git(folder: Path, *words: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def seconds_of(folder: Path, *words: str) -> float:
    """Return the seconds of one task in a folder; it has to succeed."""
    return timed([str(ROOT / ".venv" / "bin" / "invoke"), *words], folder)


def slept() -> float:
    """Return the seconds of one step by itself."""
    return timed(["sleep", str(STEP_SECONDS)], ROOT)


def timed(command: Sequence[str], folder: Path) -> float:
    """Return the seconds of one command; it has to succeed."""
    started = time.perf_counter()
    environ = {name: value for name, value in inherited_environ().items() if not name.startswith("OPTIMUS_")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=300, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        message = done.stderr.decode(errors="replace")
        raise RuntimeError(f"`{' '.join(command[1:])}` ended with {done.returncode}: {message}")
    return seconds
