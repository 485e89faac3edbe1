"""`invoke load-test` as people run it, on a server of the loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.support import invoke_server
from tests.unit.loadtest.loopback import ROOT, Server, serving

from optimus_ops.loadtest.run import RUN_VARIABLE
from optimus_ops.system.wait import wait_until

KEY = f"acme-{'k' * 24}"


def command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("invoke")), "load-test", *words]


def environ(folder: Path) -> dict[str, str]:
    secrets = folder / "env.secrets"
    secrets.write_text(f"TENANT_ACME_API_KEY={KEY}\n")
    secrets.chmod(0o600)
    variables = {
        "OPTIMUS_SECRETS_FILE": str(secrets),
        "OPTIMUS_STATE_DIR": str(folder),
        "OPTIMUS_PROGRESS_SECONDS": "0.2",
    }
    return {**os.environ, **variables}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=ROOT, env=environ(folder), capture_output=True, text=True, timeout=120, check=False
    )


def load(server: Server, folder: Path, path: str, *words: str) -> subprocess.CompletedProcess[str]:
    given = ("--target", server.url, "--endpoint", path, "--users", "2", "--duration", "1s", *words)
    return run(folder, *given)


def test_a_document_is_all_that_is_on_standard_output(tmp_path: Path) -> None:
    with serving() as server:
        ran = load(server, tmp_path, "/ok", "--json")
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["ok"], document["total"]["failed"]) == (0, True, {})
    assert KEY not in ran.stdout + ran.stderr


def test_answers_of_500_to_all_are_a_missed_objective(tmp_path: Path) -> None:
    with serving() as server:
        ran = load(server, tmp_path, "/failing")
    assert ran.returncode == 1
    assert "failures is 100 %, at most 1 % wanted" in ran.stderr
    assert "status 500" in ran.stdout


def test_k6_gives_the_same_document(tmp_path: Path) -> None:
    with serving() as server:
        ran = load(server, tmp_path, "/reset", "--engine", "k6", "--json")
    total = json.loads(ran.stdout)["total"]
    assert (ran.returncode, total["ok"], set(total["failed"])) == (1, 0, {"connection reset"})


def test_a_plan_sends_nothing(tmp_path: Path) -> None:
    words = ("load-test", "--target", "http://127.0.0.1:9", "--profile", "spike", "--plan", "--json")
    ran = invoke_server.invoke(words, ROOT, environ(tmp_path), 60)
    plan = json.loads(ran.out)
    assert (ran.code, plan["profile"], plan["seconds"]) == (0, "spike", 180)
    assert plan["requests_at_most"] > 10_000
    assert {flow["target"] for flow in plan["flows"]} == {"http://127.0.0.1:9"}


@contextmanager
def long_load(server: Server, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a load that takes long, and wait until it is under way."""
    given = ("--target", server.url, "--endpoint", "/ok", "--duration", "10m", *words)
    process = subprocess.Popen(
        command(*given),
        cwd=ROOT,
        env=environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Some shells have commands in the background ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - of one thread
    )
    with process:
        assert process.stderr is not None
        while "requests/s" not in process.stderr.readline():
            assert process.poll() is None
        yield process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_load_and_leaves_the_report(tmp_path: Path, number: signal.Signals, code: int) -> None:
    report = tmp_path / "report"
    with serving() as server, long_load(server, tmp_path, "--report", str(report)) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "stopped on request" in err
    assert "stopped after" in out
    assert json.loads((report / "load-test.json").read_text())["interrupted"] is True


@pytest.mark.parametrize("engine", ["locust", "k6"])
def test_a_kill_leaves_no_generator_and_no_keys(tmp_path: Path, engine: str) -> None:
    with serving() as server, long_load(server, tmp_path, "--engine", engine) as process:
        folders = generator_folders(tmp_path)
        assert len(folders) == 1
        # What they were told is gone as soon as they have read it.
        assert not list(Path(next(iter(folders))).glob("worker-*.json"))
        process.kill()
        process.wait()
        assert wait_until(lambda: not generator_folders(tmp_path), 30)
    assert wait_until(lambda: not any(Path(folder).exists() for folder in folders), 30)


def generator_folders(folder: Path) -> set[str]:
    """Return the private folders of the generators that a run of this test has."""
    found = set()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            variables = environment.read_bytes().decode("utf-8", "replace").split("\0")
            if f"OPTIMUS_STATE_DIR={folder}" in variables:
                found |= {text.partition("=")[2] for text in variables if text.startswith(f"{RUN_VARIABLE}=")}
    return found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--endpoint", "caht"), "did you mean chat?"),
        (("--profile", "spke"), "did you mean spike?"),
        (("--tenant", "acem"), "did you mean acme?"),
        (("--users", "0"), "from 1 to 10000"),
        (("--users", "1000000000"), "from 1 to 10000"),
        (("--rate", "-1"), "requests per second"),
        (("--duration", "5 parsecs"), "no duration"),
        (("--duration", "3d"), "no duration"),
        (("--duration", "25h"), "a day"),
        (("--rate", "50000", "--duration", "1h"), "at most 5,000,000"),
        (("--engine", "wrk"), "no such engine"),
        (("--target", "https://203.0.114.9"), "--allow-target 203.0.114.9"),
        (("--users", "2", "--rate", "2"), "one of them"),
        (("--profile", "smoke", "--users", "2"), "the profile says what is sent"),
        (("--compare", "nowhere.json"), "it can't be read"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    target = () if "--target" in words else ("--target", "http://127.0.0.1:9")
    code, out, err = invoke_server.invoke(("load-test", *target, *words), ROOT, environ(tmp_path), 60)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
