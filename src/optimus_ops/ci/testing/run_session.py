"""One session of tests: run, what failed tried a second time, results as JUnit.

    python -m optimus_ops.ci.testing.run_session unit [--measure] -- ARGUMENTS OF PYTEST

The second try is a process of its own that runs the failed tests alone, one after the other: a test that passes there
depended on order, load or luck. It is reported as flaky, by name, and more of these than `[tool.optimus-ops.tests]`
allows fail the session. pytest-rerunfailures, the usual plugin, tries again in the same process and under the same
load, and marks nothing in JUnit.

Results go to `build/reports/SESSION`: `junit.xml`, and with `--measure` the data of coverage.py.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from optimus_ops.ci.testing.junit_file import read_junit, with_second_try
from optimus_ops.ci.testing.limits import read_limits
from optimus_ops.errors import OpsError
from optimus_ops.system.in_place import run_in_place

REPORTS = Path("build/reports")
DATA = "coverage"
"""The file with the data of coverage.py."""
MOST_RETRIED = 20
"""Failed tests from which on it is no flake that they failed."""
FAILED = 1
"""pytest's exit code where tests failed; others mean that the run itself went wrong."""


def main(words: Sequence[str]) -> int:
    """Run a session; return pytest's exit code, or 0 where all that failed passed at the second try."""
    parser = argparse.ArgumentParser(prog="run_session", description="Run one session of tests.")
    parser.add_argument("session", help="its name, and that of the folder in build/reports")
    parser.add_argument("--measure", action="store_true", help="measure coverage, of processes that tests start too")
    own, arguments = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, ())
    given = parser.parse_args(own)
    try:
        return run_session(REPORTS / given.session, arguments, measure=given.measure)
    except OpsError as error:
        print(f"{error.word}: {error}", file=sys.stderr)
        return error.exit_code


def run_session(folder: Path, arguments: Sequence[str], *, measure: bool) -> int:
    """Run pytest, and what failed a second time.

    Raises:
        Refused: the limits of the project are malformed.
    """
    limits = read_limits(Path.cwd())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    failed, first, second = folder / "failed.txt", folder / "junit.xml", folder / "second-try.xml"
    code = _pytest(folder, first, (*arguments, f"--record-failed={failed}"), measure=measure)
    if measure:
        _combine(folder)
    names = failed.read_text("utf-8").splitlines() if failed.exists() else []
    if code != FAILED or not names:
        return code
    if len(names) > MOST_RETRIED:
        _say(f"{len(names)} tests failed: too many for a second try")
        return code
    _say(f"second try of {len(names)} failed tests, one after the other")
    code = _pytest(folder, second, (*arguments, f"--only-failed={failed}", "--numprocesses=0"), measure=False)
    if not second.exists():
        return code or FAILED
    first.write_text(with_second_try(first, second), "utf-8")
    flaky = read_junit(first, folder.name).of("flaky")
    for case in flaky:
        _say(f"flaky: {case.name} failed, and passed at the second try ({case.place}: {case.message})")
    if code == 0 and len(flaky) > limits.flaky:
        _say(f"{len(flaky)} flaky tests are more than the {limits.flaky} that [tool.optimus-ops.tests] allows")
        return FAILED
    return code


def _pytest(folder: Path, junit: Path, arguments: Sequence[str], *, measure: bool) -> int:
    runner = ["coverage", "run", f"--data-file={folder.resolve() / DATA}", "-m"] if measure else []
    own = ["-p", "optimus_ops.ci.testing.pytest_plugin", f"--junit-xml={junit}", "-o", "junit_family=xunit1"]
    command = [sys.executable, "-m", *runner, "pytest", *own, *arguments]
    return run_in_place(command)


def _combine(folder: Path) -> None:
    """Make one file of the data of all processes.

    Raises:
        OpsError: nothing was measured.
    """
    words = ("combine", "--quiet", f"--data-file={folder / DATA}", str(folder))
    if subprocess.call([sys.executable, "-m", "coverage", *words]):
        raise OpsError(f"coverage can't be had: `coverage {' '.join(words)}` failed")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
