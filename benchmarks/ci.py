"""CI on this machine: what `ci.list`, `ci.affected` and `ci.run` take of their own."""

from __future__ import annotations

import operator
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import interleave, median_difference, median_interval, paired, ratio_objective
from benchmarks.platform_under_test import ROOT, inherited_environ
from benchmarks.section import Blocks, samples
from benchmarks.startup import list_seconds
from optimus_ops.reports.measurement import Objective, format_number

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
        ways = (
            lambda: processor_seconds(lambda: list_seconds(ROOT, empty, code=1)),
            lambda: processor_seconds(lambda: seconds_of(ROOT, "ci.list")),
            lambda: processor_seconds(lambda: seconds_of(changed, "ci.affected", "--base", "start", "--json")),
        )
        bare, listed, affected = (found[1:] for found in interleave(ways, pairs + 1))
        runs = (lambda: seconds_of(small, "ci.run", "work"), lambda: sum(slept() for _ in range(STEPS)))
        whole, steps = interleave(runs, max(pairs // 5, 1))
    changes = f"ci.affected on a change of {CHANGED_FILES:,} files"
    return (
        over_invoke("ci.list", 0.3, listed, bare),
        over_invoke(changes, 0.5, affected, bare),
        ratio_objective(f"ci.run of {STEPS} steps of {STEP_SECONDS} s, in times of the steps", 1.1, whole, steps),
        samples({"ci.list": listed, "empty tasks.py": bare, changes: affected, "ci.run": whole, "its steps": steps}),
    )


def over_invoke(name: str, most: float, ours: Sequence[float], bare: Sequence[float]) -> Objective:
    """Return what a task takes of the processor over what `invoke --list` with an empty `tasks.py` takes."""
    medians = " and ".join(format_number(statistics.median(seconds), "s") for seconds in (ours, bare))
    interval = median_interval(paired(ours, bare, operator.sub))
    certain = f", 95 % interval {interval[0]:.3f} to {interval[1]:.3f} s" if interval else ""
    times = statistics.median(paired(ours, bare, operator.truediv))
    basis = f"processor time, {len(ours)} pairs{certain}; {times:.2f} times an empty one; medians {medians}"
    return Objective(
        f"{name}, over an empty tasks.py", "at most", most, median_difference(ours, bare), "s", basis=basis
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


def processor_seconds(act: Callable[[], object]) -> float:
    """Return the processor time of the commands that a call runs: the time that they take where nothing else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
