"""Start-up: `invoke --list` here against `invoke --list` with an empty `tasks.py`."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import interleave, ratio_objective
from benchmarks.platform_under_test import ROOT, inherited_environ
from benchmarks.section import Blocks, samples


def measure(pairs: int) -> Blocks:
    """Time pairs of both, each first in turn; one more pair fills caches before."""
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        (Path(folder) / "tasks.py").touch()
        # 1 is how Invoke ends where there are no tasks.
        ways = (lambda: list_seconds(ROOT, ROOT), lambda: list_seconds(ROOT, Path(folder), code=1))
        here, bare = (seconds[1:] for seconds in interleave(ways, pairs + 1))
    name = "invoke --list, in times of the same with an empty tasks.py"
    return ratio_objective(name, 1.5, here, bare), samples({name: here, "with an empty tasks.py": bare})


def list_seconds(checkout: Path, folder: Path, code: int = 0) -> float:
    """Return the seconds of one `invoke --list` of a checkout, run in a folder; it has to end with `code`."""
    started = time.perf_counter()
    command = [str(checkout / ".venv" / "bin" / "invoke"), "--list"]
    done = subprocess.run(command, cwd=folder, env=inherited_environ(), capture_output=True, timeout=60, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != code:
        raise RuntimeError(f"`invoke --list` ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return seconds
