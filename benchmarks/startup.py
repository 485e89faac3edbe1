"""Start-up: `invoke --list` here against `invoke --list` with an empty `tasks.py`."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figures import median_ratio, rounded
from benchmarks.platform_under_test import ROOT
from benchmarks.section import BenchmarkSection
from optimus_ops.reports.measurement import Objective


def measure(pairs: int) -> BenchmarkSection:
    """Time pairs of both, one after the other, each first in turn; one more is run before, to fill caches."""
    seconds: dict[Path, list[float]] = {ROOT: []}
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        empty = Path(folder)
        seconds[empty] = []
        (empty / "tasks.py").touch()
        for number in range(-1, pairs):
            for place in (ROOT, empty)[:: -1 if number % 2 else 1]:
                # 1 is how Invoke ends where there are no tasks.
                spent = list_seconds(ROOT, place, code=0 if place == ROOT else 1)
                if number >= 0:
                    seconds[place].append(spent)
    here, bare = seconds.values()
    basis = f"{pairs} pairs; medians {median(here) * 1e3:.0f} ms and {median(bare) * 1e3:.0f} ms"
    name = "invoke --list, in times of the same with an empty tasks.py"
    objective = Objective(name, "at most", 1.5, median_ratio(here, bare), basis=basis)
    return BenchmarkSection("startup", (objective,), {"seconds": rounded(here), "seconds_empty": rounded(bare)})


def list_seconds(checkout: Path, folder: Path, code: int = 0) -> float:
    """Return the seconds of one `invoke --list` of a checkout, run in a folder.

    Raises:
        RuntimeError: it did not end with `code`.
    """
    started = time.perf_counter()
    command = [str(checkout / ".venv" / "bin" / "invoke"), "--list"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != code:
        raise RuntimeError(f"`invoke --list` ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return seconds
