"""One session of tests: what failed is tried a second time, and said to be flaky where it passes then."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optimus_ops.ci.testing.junit_file import read_junit

SECOND_TIME = """
from pathlib import Path
import pytest

def passes_the_second_time(name):
    seen = Path(name)
    if not seen.exists():
        seen.touch()
        raise AssertionError(f"{name} failed first")
"""
FLAKY = (
    SECOND_TIME
    + """
def test_sound():
    pass

def test_flaky():
    passes_the_second_time("one")
"""
)
BROKEN = "\ndef test_broken():\n    value = 1\n    assert value == 2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tmp_path)
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    # The other plugins of the locked environment would only take time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    return tmp_path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "optimus_ops.ci.testing.run_session", "unit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_passes_at_the_second_try_is_flaky_by_name(folder: Path, workers: str) -> None:
    (folder / "test_it.py").write_text(FLAKY)
    done = run("--", f"--numprocesses={workers}", "test_it.py")
    assert done.returncode == 0, done.stdout
    assert "flaky: test_it.test_flaky failed, and passed at the second try (test_it.py:9: " in done.stdout
    found = read_junit(folder / "build" / "reports" / "unit" / "junit.xml", "unit")
    assert {case.name: case.outcome for case in found.cases} == {
        "test_it.test_sound": "passed",
        "test_it.test_flaky": "flaky",
    }
    assert [case.message for case in found.of("flaky")] == ["AssertionError: one failed first"]


def test_a_test_that_fails_twice_fails_the_session_at_its_line(folder: Path) -> None:
    (folder / "test_it.py").write_text(FLAKY + BROKEN)
    done = run("--", "test_it.py")
    assert done.returncode == 1
    assert "flaky: test_it.test_flaky" in done.stdout
    found = read_junit(folder / "build" / "reports" / "unit" / "junit.xml", "unit")
    assert [(case.name, str(case.place)) for case in found.of("failed")] == [("test_it.test_broken", "test_it.py:19")]


def test_more_flaky_tests_than_allowed_fail_the_session(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.optimus-ops.tests]\nflaky = 0\n")
    (folder / "test_it.py").write_text(FLAKY)
    done = run("--", "test_it.py")
    assert done.returncode == 1
    assert "1 flaky tests are more than the 0" in done.stdout


def test_many_failures_are_no_flake(folder: Path) -> None:
    (folder / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('x', range(21))\ndef test_no(x):\n    assert x < 0\n"
    )
    done = run("--", "test_it.py", "-q")
    assert done.returncode == 1
    assert "21 tests failed: too many for a second try" in done.stdout
    assert not (folder / "build" / "reports" / "unit" / "second-try.xml").exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [("def test_it(): pass", 0), ("import nothing_of_that_name", 2), ("", 5)],
    ids=["ok", "import", "none"],
)
def test_the_exit_code_is_pytests(folder: Path, text: str, code: int) -> None:
    (folder / "test_it.py").write_text(text)
    done = run("--", "test_it.py")
    assert done.returncode == code
    assert "second try" not in done.stdout


def test_malformed_limits_are_refused_before_anything_runs(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.optimus-ops.tests]\nflaky = "many"\n')
    done = run("--", "test_it.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "tool.optimus-ops.tests.flaky: 'many' is no number of tests" in done.stderr


def test_interrupted_tests_may_clean_up(folder: Path) -> None:
    (folder / "test_it.py").write_text(
        "import time\nfrom pathlib import Path\n\ndef test_it():\n    Path('begun').touch()\n    try:\n"
        "        time.sleep(60)\n    finally:\n        time.sleep(0.5)\n        Path('cleaned').touch()\n"
    )
    command = [sys.executable, "-m", "optimus_ops.ci.testing.run_session", "unit", "--", "test_it.py"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        while not (folder / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 2
    assert (folder / "cleaned").exists()
