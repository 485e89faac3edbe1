"""`invoke ci.run` with services on the engine, ended by signals: no container and no process stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
IMAGE = "redis:8.0-alpine"
SECONDS = 120.0


def workflow(port: int) -> str:
    return f"""
on: push
jobs:
  test:
    runs-on: x
    services:
      cache: {{image: "{IMAGE}", ports: ["{port}:6379"]}}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - run: git diff --exit-code
      - run: test "$(printf 'PING\\r\\n' | timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; cat >&3; head -1 <&3')"
      - run: echo begun > "$OPTIMUS_CI_ARTIFACTS/begun"; sleep 600 & sleep 600
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a checkout with one workflow that has a service."""
    root = tmp_path / "project"
    (root / ".github" / "workflows").mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / ".github" / "workflows" / "long.yml").write_text(workflow(port))
    (root / "tasks.py").write_text("from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    git = ["git", "-C", str(root), "-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *words], check=True)
    return root


def started(root: Path) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("invoke")), "ci.run", "long"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    return subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_begin(root: Path, process: subprocess.Popen[str]) -> str:
    """Wait until the step that takes long has begun; return the run's id."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := [*root.glob(".optimus/artifacts/*/begun")]:
            return found[0].parent.name
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[0])


def containers(run_id: str) -> str:
    command = ["docker", "ps", "-aq", "--filter", f"label=com.optimus.ci-run={run_id}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def processes(run_id: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"OPTIMUS_CI_RUN={run_id}".encode() in variables:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_and_leaves_nothing(project: Path, number: signal.Signals, code: int) -> None:
    process = started(project)
    run_id = wait_for_begin(project, process)
    assert containers(run_id)
    assert processes(run_id)
    process.send_signal(number)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert containers(run_id) == ""
    assert processes(run_id) == []
    assert all(word in output for word in ("test", "cancelled", "interrupted"))
    folder = project / ".optimus" / "ci" / run_id
    assert (folder / "ci-run.html").is_file()
    assert not (folder / "checkout").exists()


def test_a_second_run_with_the_same_port_is_refused_and_the_first_goes_on(project: Path) -> None:
    first = started(project)
    run_id = wait_for_begin(project, first)
    second = started(project)
    output, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 2
    assert "is in use, which service 'cache' of job 'test' needs" in output
    assert first.poll() is None
    assert containers(run_id)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=SECONDS)
    assert containers(run_id) == ""


def test_without_an_engine_a_job_with_services_is_a_missing_prerequisite(project: Path) -> None:
    command = [str(Path(sys.executable).with_name("invoke")), "ci.run", "long"]
    environ = {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"}
    environ.pop("OPTIMUS_STATE_DIR", None)
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    planned = subprocess.run(
        [*command, "--plan"], cwd=project, env=environ, capture_output=True, text=True, check=False
    )
    assert planned.returncode == 0
    assert "note: a run would end here" in planned.stdout
