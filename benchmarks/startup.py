"""Start-up: `invoke --list` here against `invoke --list` with an empty `tasks.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Target, median_ratio, rounded
from benchmarks.platform_under_test import ROOT
from benchmarks.section import Part

TARGET = Target(1.5)


def measure(pairs: int) -> Part:
    """Time pairs of both, one after the other, each first in turn.

    Args:
        pairs: how many; one more is run before, to fill caches.
    """
    here, empty = [], []
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        (Path(folder) / "tasks.py").touch()
        for number in range(-1, pairs):
            order = (ROOT, Path(folder)) if number % 2 else (Path(folder), ROOT)
            seconds = {place: list_seconds(place) for place in order}
            if number >= 0:
                here.append(seconds[ROOT])
                empty.append(seconds[Path(folder)])
    basis = f"{pairs} pairs; medians {median(here) * 1e3:.0f} ms and {median(empty) * 1e3:.0f} ms"
    what = "`invoke --list`, in times of the same with an empty `tasks.py`"
    figure = Figure(what, median_ratio(here, empty), TARGET, basis)
    return Part("startup", (figure,), {"seconds": rounded(here), "seconds_empty": rounded(empty)})


def list_seconds(place: Path) -> float:
    """Return the seconds of one `invoke --list` in a folder.

    Raises:
        RuntimeError: it said something else than a list (1 is how Invoke ends where there are no tasks).
    """
    command = [str(Path(sys.executable).with_name("invoke")), "--list"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=place, capture_output=True, timeout=60, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != (0 if place == ROOT else 1):
        raise RuntimeError(f"`invoke --list` ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return seconds
