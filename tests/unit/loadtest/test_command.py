"""`invoke load-test` as people run it, on a server of the loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import invoke_server
from tests.unit.loadtest.loopback import ROOT, Server, serving

KEY = "acme-key-0123456789abcdef"


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


@pytest.mark.parametrize(
    ("path", "failure"),
    [("/truncated", "truncated"), ("/reset", "connection reset"), ("/failing", "status 500")],
)
def test_k6_names_failures_as_locust_does(tmp_path: Path, path: str, failure: str) -> None:
    with serving() as server:
        ran = load(server, tmp_path, path, "--engine", "k6", "--json")
    total = json.loads(ran.stdout)["total"]
    assert (ran.returncode, total["ok"], set(total["failed"])) == (1, 0, {failure})


def test_a_plan_sends_nothing(tmp_path: Path) -> None:
    ran = run(tmp_path, "--target", "http://127.0.0.1:9", "--profile", "spike", "--plan", "--json")
    plan = json.loads(ran.stdout)
    assert (ran.returncode, plan["profile"], plan["seconds"]) == (0, "spike", 180)
    assert plan["requests_at_most"] > 10_000
    assert {flow["target"] for flow in plan["flows"]} == {"http://127.0.0.1:9"}


def test_ctrl_c_ends_the_load_and_leaves_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report"
    with serving() as server:
        words = (
            "--target",
            server.url,
            "--endpoint",
            "/ok",
            "--users",
            "2",
            "--duration",
            "10m",
            "--report",
            str(report),
        )
        process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            env=environ(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Some shells have commands in the background ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - of one thread
        )
        assert process.stderr is not None
        while "requests/s" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped on request" in err
    assert "stopped after" in out
    assert json.loads((report / "load-test.json").read_text())["interrupted"] is True


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
